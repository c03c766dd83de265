"""Tables that are asked: states of their replies."""

import pytest

import flowtable
from flowtable import CaptureError, FlowError, SearchQuery, TableQuery, TableReply
from flowtable.query import answer
from flowtable.testing import demo_capture


@pytest.fixture
def flows(tmp_path):
    (tmp_path / "demo.pcapng").write_bytes(demo_capture())
    return flowtable.read(tmp_path / "demo.pcapng")


def web(**how):
    return TableQuery(query=SearchQuery(filter="Transport == 443", **how))


class Failing:
    """A table that cannot be asked."""

    def __init__(self, error):
        self.error = error

    def search(self, _query):
        raise self.error


def test_each_table_answers_for_itself(flows):
    reply = answer(web(sort=True, sort_by="Start"), [flows, flows[:5], flows[:0]])
    assert reply.status == 200
    expected = flows.filter("Transport == 443").sort("Start")
    assert list(reply.flow_sets[0]) == list(expected)
    assert [len(found) for found in reply.flow_sets[1:]] == [len(flows[:5].filter("Transport == 443")), 0]
    assert reply.reasons == ()


@pytest.mark.parametrize("tables", [0, 1, 3])
def test_nothing_found(flows, tables):
    reply = answer(TableQuery(query=SearchQuery(filter="Transport == 1")), [flows] * tables)
    assert reply.status == 204
    assert [len(found) for found in reply.flow_sets] == [0] * tables


@pytest.mark.parametrize("error", [FlowError("gone"), CaptureError("gone"), OSError("gone")])
def test_tables_that_fail_leave_the_others_their_answers(flows, error):
    reply = answer(web(), [Failing(error), flows, Failing(error)])
    assert (reply.status, len(reply.flow_sets), reply.reasons) == (207, 1, ("gone", "gone"))
    assert list(reply.flow_sets[0]) == list(flows.filter("Transport == 443"))
    assert answer(web(), [Failing(error)]) == TableReply(207, (), ("gone",))


def test_other_errors_are_faults_and_are_raised():
    with pytest.raises(ZeroDivisionError):
        answer(web(), [Failing(ZeroDivisionError())])


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (TableQuery("Other", SearchQuery()), "of the type 'SearchQuery', not 'Other'"),
        (TableQuery("x" * 10_000), "not 'x"),
        (TableQuery(query=b"\xff"), "no SearchQuery message"),
        (TableQuery(query=b"\x32\x05Ports"), "no field 'Ports'"),
    ],
)
def test_bad_questions_are_answered_with_400_and_no_table_is_asked(question, says):
    reply = answer(question, [Failing(ZeroDivisionError())])
    assert (reply.status, reply.flow_sets) == (400, ())
    assert says in reply.reasons[0]
    assert len(reply.reasons[0]) < 400


def test_questions_as_messages(flows):
    question = TableQuery.from_protobuf(web(dedup=True, to=1).to_protobuf())
    assert isinstance(question.query, bytes)
    reply = answer(question, [flows])
    assert [list(found) for found in reply.flow_sets] == [list(flows.filter("Transport == 443"))[:1]]
    sent = reply.to_protobuf(lambda found: found[0].uuid.encode())
    assert TableReply.from_protobuf(sent) == TableReply(200, (reply.flow_sets[0][0].uuid.encode(),))
    everything = answer(TableQuery(), [flows])
    assert list(everything.flow_sets[0]) == list(flows)
