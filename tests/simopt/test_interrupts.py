"""Ctrl-C is seen wherever it strikes."""

import signal

import pytest

from simopt.apps.interrupts import remembered_interrupt


def test_an_interrupt_that_surfaces_as_a_system_error_is_turned_back() -> None:
    def as_a_compiled_function_does() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise SystemError("returned a result with an exception set") from error

    with pytest.raises(KeyboardInterrupt), remembered_interrupt():
        as_a_compiled_function_does()


def test_a_system_error_of_its_own_stays_one() -> None:
    with pytest.raises(SystemError), remembered_interrupt():
        raise SystemError("something else")


def test_a_dropped_interrupt_is_remembered() -> None:
    with remembered_interrupt() as interrupted:
        assert not interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert interrupted()


def test_the_handler_of_before_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with remembered_interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
