"""What a case says about weekly planning: rules, costs and disturbances that the planning simulator knows."""
