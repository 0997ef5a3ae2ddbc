"""What is designed and its mathematical programs: networks, demand, costs, case files, the MILP master."""
