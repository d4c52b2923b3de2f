"""
`xdr`: puts the commands together and turns failures into exit codes.

0 done · 1 failed · 2 usage · 3 not found · 4 denied · 5 conflict · 6 timeout or busy · 7 partly · 8 problems
found · 130 interrupted. The only module that reads `XDR_*` from the environment.
"""

import typer

from appliance.cli import development

app = typer.Typer(no_args_is_help=True, help="Mini-XDR Appliance.", pretty_exceptions_enable=False)
app.add_typer(development.app, name="dev")


@app.callback()
def _root() -> None:
    """Administer and use a Mini-XDR Appliance."""


def main() -> None:
    app()


if __name__ == "__main__":
    main()
