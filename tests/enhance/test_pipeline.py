"""Enhancers in a row: each has its turn, and none can harm the others."""

import logging
import threading
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read_frames

from flowtable import OptionError
from flowtable.enhance import Enhancer, EnhancerPipeline, EnhancerPipelineConfig, EnhancerStatistics
from flowtable.errors import EnhancerWarning
from flowtable.testing import TCP, Ethernet, IPv4

FRAMES = [Ethernet() / IPv4("10.0.0.1", "10.0.0.2") / TCP(port, 80) for port in range(1, 31)]


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    return read_frames(tmp_path_factory.mktemp("flows"), FRAMES)


class Noting(Enhancer):
    """Notes what it is called for, and raises where told to."""

    def __init__(self, name="noting", bad=(), fails=()):
        self.name, self.bad, self.fails = name, bad, fails
        self.calls = []

    def start(self):
        self._called("start")

    def stop(self):
        self._called("stop")

    def enhance(self, flow):
        self.calls.append(flow.transport.a)
        if flow.transport.a in self.bad:
            raise ValueError(f"port {flow.transport.a}")

    def _called(self, what):
        self.calls.append(what)
        if what in self.fails:
            raise OSError(what)


class Many(Noting):
    """Likewise, many at a time."""

    def enhance_many(self, flows):
        self.calls.append([flow.transport.a for flow in flows])
        if self.bad:
            raise KeyError("many")


class NoBase:
    """An enhancer by what it can do alone."""

    name = "no base"

    def __init__(self):
        self.calls = []

    def start(self):
        pass

    stop = start

    def enhance(self, flow):
        self.calls.append(flow.transport.a)


def everything(flows):
    return [flow.transport.a for flow in flows]


# ---- the way it goes


def test_each_has_its_turn(flows):
    first, second, third = Noting("first"), Many("second"), NoBase()
    with EnhancerPipeline(first, second, third) as pipeline:
        pipeline.enhance_many(flows[:3])
        pipeline.enhance(flows[3])
    assert first.calls == ["start", 1, 2, 3, 4, "stop"]
    assert second.calls == ["start", [1, 2, 3], [4], "stop"]
    assert third.calls == [1, 2, 3, 4]
    assert set(pipeline.statistics.values()) == {EnhancerStatistics(flows=4)}


def test_it_runs_between_start_and_stop(flows):
    noting = Noting()
    pipeline = EnhancerPipeline(noting)
    with pytest.raises(OptionError, match="not running"):
        pipeline.enhance(flows[0])
    pipeline.stop()
    pipeline.start()
    pipeline.start()
    assert pipeline.is_running
    pipeline.stop()
    pipeline.stop()
    assert not pipeline.is_running
    assert noting.calls == ["start", "stop"]
    with pytest.raises(OptionError, match="not running"):
        pipeline.enhance_many([])


def test_it_is_stopped_whatever_happens():
    noting = Noting()
    with pytest.raises(ZeroDivisionError), EnhancerPipeline(noting):
        raise ZeroDivisionError
    assert noting.calls == ["start", "stop"]


def test_what_is_enabled_or_added_later_is_started_then(flows):
    config = EnhancerPipelineConfig()
    config.disable("later")
    later, last = Noting("later"), Noting("last")
    with EnhancerPipeline(later, config=config) as pipeline:
        pipeline.enhance(flows[0])
        assert later.calls == []
        config.enable("later")
        pipeline.add_enhancer(last)
        pipeline.enhance(flows[1])
        config.disable("later")
        pipeline.enhance(flows[2])
    assert later.calls == ["start", 2, "stop"]
    assert last.calls == ["start", 2, 3, "stop"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_a_configuration_is_what_was_said_last(steps):
    config, said = EnhancerPipelineConfig(), {}
    for name, enable in steps:
        (config.enable if enable else config.disable)(name)
        said[name] = enable
    assert [config.is_enabled(name) for name in "abc"] == [said.get(name, True) for name in "abc"]


@pytest.mark.parametrize(
    "wrong", [None, "name", len, Noting, Noting(""), Noting(5), type("Half", (), {"name": "half"})()]
)
def test_what_is_no_enhancer_is_refused(wrong):
    with pytest.raises(OptionError, match="no enhancer"):
        EnhancerPipeline(wrong)


def test_names_are_used_once():
    with pytest.raises(OptionError, match="two enhancers called 'same'"):
        EnhancerPipeline(Noting("same"), Many("same"))


@pytest.mark.parametrize("wrong", [0, -1, None, 1.5])
def test_some_failures_are_needed(wrong):
    with pytest.raises(OptionError, match="failures_in_a_row"):
        EnhancerPipeline(failures_in_a_row=wrong)


def test_threads_take_turns(flows):
    inside, most = [], []

    class Alone(Noting):
        def enhance(self, flow):
            inside.append(flow)
            most.append(len(inside))
            inside.pop()

    with EnhancerPipeline(Alone()) as pipeline:
        threads = [threading.Thread(target=pipeline.enhance_many, args=(flows,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == [1] * 4 * len(flows)
    assert pipeline.statistics["noting"].flows == 4 * len(flows)


# ---- failures


def test_one_that_raises_leaves_other_flows_and_enhancers_alone(flows, caplog):
    bad, good = Noting("bad", bad={2, 5}), Noting("good")
    with EnhancerPipeline(bad, good) as pipeline:
        pipeline.enhance_many(flows)
    assert bad.calls[1:-1] == good.calls[1:-1] == everything(flows)
    assert pipeline.statistics == {
        "bad": EnhancerStatistics(28, 2, switched_off=False, last_error="ValueError: port 5"),
        "good": EnhancerStatistics(30),
    }
    (logged,) = [record for record in caplog.records if record.name == "flowtable.enhance"]
    assert "'bad'" in logged.getMessage()
    assert logged.exc_info[0] is ValueError


def test_after_failures_in_a_row_it_is_switched_off(flows, caplog):
    bad, good = Noting("bad", bad=range(4, 99)), Noting("good")
    with EnhancerPipeline(bad, good) as pipeline:
        with pytest.warns(EnhancerWarning, match="'bad' failed 10 times in a row.*ValueError: port 13"):
            pipeline.enhance_many(flows)
        pipeline.enhance_many(flows[:2])
    assert bad.calls == ["start", *range(1, 14), "stop"]
    assert len(good.calls) == 34
    assert pipeline.statistics["bad"] == EnhancerStatistics(3, 10, True, "ValueError: port 13")  # noqa: FBT003
    assert [r.levelno for r in caplog.records] == [logging.WARNING, logging.ERROR]


def test_failures_that_are_not_in_a_row_do_not_switch_it_off(flows):
    bad = Noting("bad", bad=range(2, 31, 2))
    with EnhancerPipeline(bad, failures_in_a_row=2) as pipeline:
        pipeline.enhance_many(flows)
    assert pipeline.statistics["bad"].failures == 15
    assert not pipeline.statistics["bad"].switched_off


def test_one_that_looks_at_many_fails_once_a_call(flows):
    many = Many("many", bad=[1])
    with EnhancerPipeline(many, failures_in_a_row=2) as pipeline:
        pipeline.enhance_many(flows)
        assert pipeline.statistics["many"] == EnhancerStatistics(0, 1, False, "KeyError: 'many'")  # noqa: FBT003
        with pytest.warns(EnhancerWarning, match="'many' failed 2 times in a row"):
            pipeline.enhance_many(flows)
        pipeline.enhance_many(flows)
    assert len(many.calls) == 4


def test_a_new_start_switches_it_on_again(flows):
    bad = Noting("bad", bad=[1])
    pipeline = EnhancerPipeline(bad, failures_in_a_row=1)
    for _ in range(2):
        with pipeline, pytest.warns(EnhancerWarning, match="failed 1 times in a row"):
            pipeline.enhance(flows[0])
    assert bad.calls == ["start", 1, "stop"] * 2
    assert pipeline.statistics["bad"].failures == 2


def test_one_that_cannot_start_is_switched_off_and_stopped(flows):
    bad, good = Noting("bad", fails=["start"]), Noting("good")
    pipeline = EnhancerPipeline(bad, good)
    with pytest.warns(EnhancerWarning, match="'bad' could not be started.*OSError: start"):
        pipeline.start()
    pipeline.enhance_many(flows)
    pipeline.stop()
    assert bad.calls == ["start", "stop"]
    assert len(good.calls) == 32
    assert pipeline.statistics["bad"].failures == 1


def test_all_are_stopped_even_if_one_raises(flows):
    bad, good = Noting("bad", fails=["stop"]), Noting("good")
    with EnhancerPipeline(bad, good) as pipeline:
        pipeline.enhance(flows[0])
    assert bad.calls == good.calls == ["start", 1, "stop"]
    assert pipeline.statistics["bad"] == EnhancerStatistics(1, 1, False, "OSError: stop")  # noqa: FBT003


def test_warnings_that_are_errors_leave_nothing_running():
    good, bad = Noting("good"), Noting("bad", fails=["start"])
    pipeline = EnhancerPipeline(good, bad)
    with pytest.raises(EnhancerWarning):
        pipeline.start()
    assert good.calls == bad.calls == ["start", "stop"]
    assert not pipeline.is_running


def test_an_interrupt_is_no_failure(flows):
    class Interrupted(Noting):
        def enhance(self, _):
            raise KeyboardInterrupt

    interrupted = Interrupted()
    with pytest.raises(KeyboardInterrupt), EnhancerPipeline(interrupted) as pipeline:
        pipeline.enhance_many(flows)
    assert interrupted.calls == ["start", "stop"]
    assert pipeline.statistics["noting"].failures == 0


def test_long_errors_are_cut(flows):
    class Chatty(Noting):
        def enhance(self, _):
            raise ValueError("x" * 100_000)

    with EnhancerPipeline(Chatty()) as pipeline:
        pipeline.enhance(flows[0])
    assert len(pipeline.statistics["noting"].last_error) == 200


# ---- sets


def test_a_set_is_enhanced_as_a_whole(flows):
    noting, many = Noting(), Many("many")
    assert flows.enhance(noting, many) is flows
    assert noting.calls == ["start", *everything(flows), "stop"]
    assert many.calls == ["start", everything(flows), "stop"]


def test_a_pipeline_is_taken_as_it_is(flows):
    noting = Noting()
    pipeline = EnhancerPipeline(noting)
    flows[:1].enhance(pipeline)
    assert noting.calls == ["start", 1, "stop"]
    with pipeline:
        flows[1:2].enhance(pipeline)
        flows[2:3].enhance(pipeline)
    assert noting.calls[3:] == ["start", 2, 3, "stop"]


def test_failures_with_a_set_are_warned_of(flows):
    with pytest.warns(
        EnhancerWarning, match="'noting' failed 1 times, the last time with ValueError: port 3"
    ):
        flows.enhance(Noting(bad=[3]))
    with pytest.warns(EnhancerWarning) as caught:
        flows.enhance(Noting(bad=range(99)))
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flows.enhance(Noting())


@pytest.mark.parametrize("wrong", [(5,), (Noting(), EnhancerPipeline()), (EnhancerPipeline(),) * 2])
def test_a_set_takes_enhancers_or_a_pipeline(flows, wrong):
    with pytest.raises(OptionError):
        flows.enhance(*wrong)
