"""The form that submits a job."""

from __future__ import annotations

from collections.abc import Callable

from laboratory import Browser, Lab


def test_a_notebook_is_submitted_with_its_unsaved_changes(
    browser: Browser, lab: Lab, numbers: Callable[[int], str], write_notebook: Callable[..., str]
):
    numbers(30)
    write_notebook("form.ipynb")
    browser.notebook("form.ipynb")
    browser.page.evaluate(
        """() => {
          const cell = window.jupyterapp.shell.currentWidget.content.model.sharedModel.getCell(0);
          cell.setSource(cell.getSource().replace('number ** 2', 'number ** 3'));
        }"""
    )
    browser.page.locator(".jp-Featx-toolbarButton button:visible, .jp-Featx-toolbarButton:visible").first.click()
    form = browser.page.locator("form.jp-Featx-form")
    form.wait_for()
    assert form.get_by_label("Notebook", exact=True).input_value() == "form.ipynb"
    data = form.get_by_role("combobox", name="Dataset")
    data.fill("numbers3")
    form.get_by_role("option", name="numbers30").wait_for()
    data.press("ArrowDown")
    data.press("Enter")
    form.get_by_text("30 items").wait_for()
    form.get_by_label("Name", exact=True).fill("from-the-form")
    form.get_by_label("Walltime", exact=True).fill("soon")
    form.locator(".jp-mod-invalid", has_text="walltime").wait_for()
    form.get_by_label("Walltime", exact=True).fill("1h")
    form.get_by_role("button", name="Show the script").click()
    form.get_by_text("number ** 3").wait_for()
    form.get_by_role("button", name="Estimate").click()
    form.locator(".jp-Featx-estimate svg").wait_for()
    assert "can be divided by seven" in form.locator(".jp-Featx-failures").inner_text()
    form.evaluate("form => form.scrollTo(0, 0)")
    browser.panel()
    browser.picture("lab-form")
    assert browser.axe("form.jp-Featx-form") == []
    form.get_by_role("button", name="Submit", exact=True).click()
    form.wait_for(state="detached")
    browser.row("from-the-form").locator(".jp-Featx-state.jp-mod-completed").wait_for()
    assert not browser.problems


def test_the_form_remembers_and_a_job_is_submitted_again(
    browser: Browser, numbers: Callable[[int], str], write_notebook: Callable[..., str]
):
    numbers(6)
    write_notebook("memory.ipynb")
    browser.command("featx:submit", path="memory.ipynb")
    form = browser.page.locator("form.jp-Featx-form")
    form.get_by_role("combobox", name="Dataset").fill("numbers6")
    form.get_by_label("Name", exact=True).fill("remembered")
    browser.page.wait_for_timeout(500)  # the state database writes a moment later
    browser.command("application:close")
    form.wait_for(state="detached")
    browser.command("featx:submit", path="memory.ipynb")
    assert form.get_by_label("Name", exact=True).input_value() == "remembered"
    assert form.get_by_role("combobox", name="Dataset").input_value() == "numbers6"
    form.get_by_role("button", name="Submit", exact=True).click()
    row = browser.row("remembered")
    row.locator(".jp-Featx-state.jp-mod-completed").wait_for()
    row.get_by_role("button", name="More actions").click()
    browser.page.locator(".lm-Menu .lm-Menu-item", has_text="Submit again…").click()
    form.wait_for()
    assert form.get_by_label("Name", exact=True).input_value() == "remembered"


def test_what_is_wrong_is_said_at_its_field(browser: Browser, write_notebook: Callable[..., str]):
    write_notebook("wrong.ipynb")
    browser.command("featx:submit", path="wrong.ipynb")
    form = browser.page.locator("form.jp-Featx-form")
    form.get_by_role("combobox", name="Dataset").fill("no-such-folder")
    form.locator(".jp-mod-data.jp-mod-invalid").wait_for()
    form.get_by_label("Notebook", exact=True).fill("no-such.ipynb")
    form.get_by_role("alert").or_(form.locator(".jp-mod-invalid", has_text="no-such.ipynb")).first.wait_for()
