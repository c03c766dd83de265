"""Enhancers in a row, of which none can harm the others."""

from __future__ import annotations

import logging
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowtable.enhance.enhancer import Enhancer
from flowtable.errors import EnhancerWarning, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import TracebackType
    from typing import Self

    from flowtable.flow import Flow, FlowSet

__all__ = ["EnhancerPipeline", "EnhancerPipelineConfig", "EnhancerStatistics", "enhance_set"]

FAILURES_IN_A_ROW: Final = 10
"""After so many an enhancer is switched off, unless told otherwise."""
_SHOWN: Final = 200  # characters of an error, which may hold anything

_log: Final = logging.getLogger("flowtable.enhance")
_log.addHandler(logging.NullHandler())  # nothing is printed that nobody has asked for


class EnhancerPipelineConfig:
    """Which enhancers are to run: all that are not disabled, by name; may change at any time."""

    def __init__(self) -> None:
        self._disabled: set[str] = set()

    def enable(self, name: str) -> None:
        """Let an enhancer run."""
        self._disabled.discard(name)

    def disable(self, name: str) -> None:
        """Leave an enhancer out."""
        self._disabled.add(name)

    def is_enabled(self, name: str) -> bool:
        """Say whether an enhancer may run: true unless it is disabled."""
        return name not in self._disabled


@dataclass(frozen=True, slots=True)
class EnhancerStatistics:
    """What became of an enhancer's work."""

    flows: int = 0
    """Flows that it was given and did not fail with."""
    failures: int = 0
    """Calls that raised."""
    switched_off: bool = False
    """Whether it failed to start, or too often in a row."""
    last_error: str = ""
    """What was raised last."""


class EnhancerPipeline:
    """Runs enhancers over flows, in the order in which they were added.

    One that raises is counted. After ``failures_in_a_row`` of that, or when ``start`` raises, it is switched
    off until the next start, with an ``EnhancerWarning``; the first failure of each is logged in
    ``flowtable.enhance`` with its traceback. Several threads may call: one waits for the other.
    """

    def __init__(
        self,
        *enhancers: Enhancer,
        config: EnhancerPipelineConfig | None = None,
        failures_in_a_row: int = FAILURES_IN_A_ROW,
    ) -> None:
        if not isinstance(failures_in_a_row, int) or failures_in_a_row < 1:
            raise OptionError(f"failures_in_a_row: takes a number from 1 on, not {failures_in_a_row!r}")
        self.config = EnhancerPipelineConfig() if config is None else config
        self._failures_in_a_row = failures_in_a_row
        self._stages: list[_Stage] = []
        self._running = False
        self._users = 0  # who have started it, and not stopped it
        self._lock = threading.RLock()
        for enhancer in enhancers:
            self.add_enhancer(enhancer)

    @property
    def is_running(self) -> bool:
        """Whether it has been started, and not stopped since."""
        return self._running

    @property
    def statistics(self) -> dict[str, EnhancerStatistics]:
        """What became of the work of each enhancer, by its name."""
        return {stage.name: stage.statistics() for stage in list(self._stages)}

    def add_enhancer(self, enhancer: Enhancer) -> None:
        """Put an enhancer behind the others; it is started when the pipeline is, or before its first flow.

        Raises:
            OptionError: it is none, or there is one of this name.

        """
        stage = _Stage(enhancer, self._failures_in_a_row)
        with self._lock:
            if stage.name in self.statistics:
                raise OptionError(f"there are two enhancers called {stage.name!r}")
            self._stages.append(stage)

    def start(self) -> None:
        """Start all that are enabled; what is running is left alone."""
        with self._lock:
            self._users += 1
            if self._running:
                return
            self._running = True
            try:
                self._ready()
            except (
                BaseException
            ):  # a warning that is an error, or Ctrl-C: nobody will stop what has not begun
                self.stop()
                raise

    def stop(self) -> None:
        """Stop all that were started, whatever they raise; one that was switched off can be started again.

        Nothing happens until all who have started the pipeline have stopped it.
        """
        with self._lock:
            self._users = max(self._users - 1, 0)
            if self._users:
                return
            self._running = False
            for stage in self._stages:
                stage.stop()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.stop()

    def enhance(self, flow: Flow) -> None:
        """Let the enhancers look at one flow."""
        self.enhance_many([flow])

    def enhance_many(self, flows: Collection[Flow]) -> None:
        """Let each enhancer look at some flows, one enhancer after the other.

        Raises:
            OptionError: the pipeline is not running.

        """
        with self._lock:
            if not self._running:
                raise OptionError("the pipeline of enhancers is not running: start() it first")
            for stage in self._ready():
                stage.enhance(flows)

    def _ready(self) -> list[_Stage]:
        """Give the enhancers that are to run, started: one may have been enabled or added by now."""
        enabled = [stage for stage in self._stages if self.config.is_enabled(stage.name)]
        return [stage for stage in enabled if stage.start()]


class _Stage:
    """One enhancer, and how it does."""

    def __init__(self, enhancer: Enhancer, failures_in_a_row: int) -> None:
        self.name = _checked_name(enhancer)
        self._enhancer = enhancer
        self._most_in_a_row = failures_in_a_row
        self._started = False
        self._off = False  # until the next start
        self._flows = self._failures = self._in_a_row = 0
        self._last_error = ""

    def statistics(self) -> EnhancerStatistics:
        return EnhancerStatistics(self._flows, self._failures, self._off, self._last_error)

    def start(self) -> bool:
        """Start it if that has not been done; says whether it can be given flows."""
        if not self._started:
            self._started, self._off = True, False
            self._in_a_row = 0
            if not self._runs(self._enhancer.start):
                self._switch_off("could not be started")
        return not self._off

    def stop(self) -> None:
        if self._started:
            self._started = False
            self._runs(self._enhancer.stop)

    def enhance(self, flows: Collection[Flow]) -> None:
        many = getattr(self._enhancer, "enhance_many", None)
        if many is None or getattr(many, "__func__", None) is Enhancer.enhance_many:
            self._enhance_each(flows)
        else:
            self._count(len(flows), self._runs(lambda: many(flows)))

    def _enhance_each(self, flows: Collection[Flow]) -> None:
        for flow in flows:
            self._count(1, self._runs(lambda flow=flow: self._enhancer.enhance(flow)))  # type: ignore[misc]
            if self._off:
                return

    def _count(self, flows: int, went_well: bool) -> None:  # noqa: FBT001 - what _runs() says
        if went_well:
            self._flows += flows
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row == self._most_in_a_row:
            self._switch_off(f"failed {self._in_a_row} times in a row")

    def _runs(self, do: Callable[[], None]) -> bool:
        """Run code that is not flowtable's; says whether it raised nothing."""
        try:
            do()
        except Exception as error:  # noqa: BLE001 - it may raise anything, and is counted
            if not self._failures:
                _log.warning("enhancer %r failed", self.name, exc_info=True)
            self._failures += 1
            self._last_error = f"{type(error).__name__}: {error}"[:_SHOWN]
            return False
        return True

    def _switch_off(self, why: str) -> None:
        self._off = True
        said = f"enhancer {self.name!r} {why} and is switched off: {self._last_error}"
        _log.error("%s", said)
        warnings.warn(said, EnhancerWarning, stacklevel=2)


def _checked_name(enhancer: Enhancer) -> str:
    """Give its name; anything that can do what an enhancer does is one."""
    name = getattr(enhancer, "name", None)
    can = all(callable(getattr(enhancer, does, None)) for does in ("start", "stop", "enhance"))
    if not can or not isinstance(name, str) or not name or isinstance(enhancer, type):
        raise OptionError(f"{enhancer!r} is no enhancer, which has a name, start(), stop() and enhance(flow)")
    return name


def enhance_set(flows: FlowSet, enhancers: tuple[Enhancer | EnhancerPipeline, ...]) -> None:
    """Let enhancers look at a set of flows; FlowSet.enhance says more."""
    if len(enhancers) == 1 and isinstance(enhancers[0], EnhancerPipeline):
        pipeline = enhancers[0]
    elif any(isinstance(each, EnhancerPipeline) for each in enhancers):
        raise OptionError("enhance: takes enhancers, or one pipeline of them, but not both")
    else:
        pipeline = EnhancerPipeline(*enhancers)  # type: ignore[arg-type]  # there is no pipeline among them
    if pipeline.is_running:
        pipeline.enhance_many(flows)
        return
    with pipeline:
        pipeline.enhance_many(flows)
        _warn_of_failures(pipeline)


def _warn_of_failures(pipeline: EnhancerPipeline) -> None:
    """Say what the statistics of a pipeline say that nobody else will look at."""
    for name, had in pipeline.statistics.items():
        if had.failures and not had.switched_off:
            said = f"enhancer {name!r} failed {had.failures:,} times, the last time with {had.last_error}"
            warnings.warn(said, EnhancerWarning, stacklevel=4)
