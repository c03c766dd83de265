"""Items are made one ahead, in another thread, and errors come where they belong."""

import threading

import pytest

from flowtable.export._ahead import ahead


def test_items_come_in_order_and_are_made_elsewhere():
    threads = []

    def make():
        for number in range(50):
            threads.append(threading.current_thread())
            yield number

    assert list(ahead(make())) == list(range(50))
    assert threading.current_thread() not in threads


def test_one_is_made_while_another_is_looked_at():
    made = threading.Event()

    def make():
        yield 1
        made.set()
        yield 2

    items = ahead(make())
    assert next(items) == 1
    assert made.wait(10)
    assert list(items) == [2]


def test_none_is_an_item_and_nothing_gives_nothing():
    assert list(ahead([None, None])) == [None, None]
    assert list(ahead([])) == []


def test_what_making_raises_is_raised_behind_what_was_made():
    def make():
        yield 1
        raise ZeroDivisionError

    items = ahead(make())
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_nothing_goes_on_behind_who_has_had_enough():
    before = threading.active_count()
    items = ahead(iter(range(10)))
    assert next(items) == 0
    items.close()
    assert threading.active_count() == before
