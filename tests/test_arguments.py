"""One parser for the magics and the command line."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from jupyter_featx.arguments import COMMAND, VERBS, parse, submit_options
from jupyter_featx.client import Job
from jupyter_featx.errors import SpecError
from jupyter_featx.options import SubmitOptions


def test_every_field_of_submit_options_is_an_option():
    assert {option.name for option in submit_options()} == {field.name for field in fields(SubmitOptions)}


def test_every_option_is_explained():
    for verb, (about, _, options) in VERBS.items():
        text = parse([verb, "--help"]).text
        assert about[1:] in " ".join(text.split())
        for option in options:
            assert option.flag in text
            assert option.help in " ".join(text.split())


def test_the_options_of_retry_are_those_of_the_api():
    asked = {option.name for option in VERBS["retry"][2] if option.submit}
    assert asked == set(inspect.signature(Job.retry).parameters) - {"self"}


def test_values_stay_as_typed():
    command = parse("submit --data '~/my mof' --cores 4x2 --walltime 1-12:00:00 --item-memory 4G --no-preflight")
    assert command.data == "~/my mof"
    assert command.options == {
        "cores": "4x2",
        "walltime": "1-12:00:00",
        "item_memory": "4G",
        "preflight": False,
    }


def test_what_is_not_given_is_left_to_the_defaults():
    assert parse("submit --data x").options == {}
    assert SubmitOptions(**parse("submit --data x").options) == SubmitOptions()


@pytest.mark.parametrize("line", ["result abc --limit 5 --out df", "result --limit 5 --out df abc"])
def test_the_job_may_stand_anywhere(line):
    command = parse(line)
    assert (command.job, command.rows, command.out, command.options) == ("abc", "5", "df", {})


@pytest.mark.parametrize("verb", ["status", "wait", "result", "errors", "log", "script", "cancel", "retry", "delete"])
def test_without_a_job_it_is_the_last_one(verb):
    assert parse(verb).job is None
    assert parse([verb, "zeo"]).job == "zeo"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("submit --coers 5 --data x", "Did you mean --cores?"),
        ("submit --data x --no-preflihgt", "Did you mean --no-preflight?"),
        ("sumbit --data x", "Did you mean '%featx submit'?"),
        ("submit --cores", "--cores: needs a value"),
        ("submit ~/mof", "For a dataset type --data '~/mof'"),
        ("submit --data my folder", "needs quotation marks"),
        ("result a b", "'b' is one word too many. Put quotation marks around a value that holds spaces."),
        ("submit f.py runs", "'runs' is one word too many. For a dataset type --data 'runs'"),
        ("test f.py --data d/1.cif d/2.cif", "'d/2.cif' is one word too many. Put quotation marks around a glob"),
        ("data d/1.cif d/2.cif", "'d/2.cif' is one word too many. Put quotation marks around a glob"),
        ("data --data runs", "data has no option --data. Type '%featx data PATH', without it."),
        ("result --out 2x", "is no name for a variable"),
        ("result --out class", "is no name for a variable"),
        ("log 'x", "Close the quotation mark"),
        ("--nosuch", "is no verb"),
        ("submit --yes=3", "has no option --yes"),
        ("submit --rec", "has no option --rec"),
    ],
)
def test_an_error_is_one_line_and_says_what_to_type(line, said):
    with pytest.raises(SpecError) as caught:
        parse(line)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["", "help", "-h", "--help"])
def test_help_is_a_command_like_others(line):
    command = parse(line)
    assert command.verb == "help"
    assert all(f"    {verb} " in command.text for verb in VERBS)


def test_help_speaks_the_words_of_where_it_is():
    assert parse(["help", "submit"], COMMAND).text.startswith("usage: featx submit [TEMPLATE]")
    assert parse("help submit").text.startswith("usage: %featx submit [TEMPLATE]")


def test_version():
    assert parse("--version").text.startswith("jupyter-featx")
