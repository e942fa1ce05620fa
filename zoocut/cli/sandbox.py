"""`zoocut sandbox`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["sandbox"]


PortOption = Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any free one.", min=0, max=65535)]
DataOption = Annotated[
    Path | None, typer.Option(help="Folder that keeps everything; a temporary one when left out.")
]
HostOption = Annotated[str, typer.Option(help="Address to listen on; only loopback is allowed.")]
AccountOption = Annotated[
    list[str] | None, typer.Option(help="One more account, with the same password; may be repeated.")
]
FaultsOption = Annotated[Path | None, typer.Option(help="A TOML file of faults, each a [[fault]] table.")]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(help="One fault, as 'commit-then-500:nth=3'; may be repeated."),
]
UrlLifeOption = Annotated[float, typer.Option(help="Seconds for which a signed address works.", min=0)]
TokenLifeOption = Annotated[float, typer.Option(help="Seconds for which a token works.", min=0)]
PageCapOption = Annotated[int, typer.Option(help="The largest number of rows on a page.", min=1)]
QuotaOption = Annotated[int, typer.Option(help="How many subjects an account may upload.", min=0)]
ImportLimitOption = Annotated[
    int, typer.Option(help="Rows of a manifest that may be imported at once.", min=0)
]
VolunteersOption = Annotated[
    int,
    typer.Option(
        help="How many robots classify; owner/rehearsal is then a live project, as they need one.", min=0
    ),
]
AccuracyOption = Annotated[float, typer.Option(help="The chance that a robot is right.", min=0, max=1)]
ExportEveryOption = Annotated[
    float, typer.Option(help="Seconds that pass before the same export is made again.", min=0)
]
StaleDocumentsOption = Annotated[
    bool, typer.Option("--stale-documents", help="Cache written records for a second, as the server may.")
]
CountDelayOption = Annotated[
    float, typer.Option(help="Seconds before a set's count column follows its members.", min=0)
]


def sandbox(
    port: PortOption = 8642,
    data: DataOption = None,
    host: HostOption = "127.0.0.1",
    account: AccountOption = None,
    faults: FaultsOption = None,
    fault: FaultOption = None,
    url_life: UrlLifeOption = 300,
    token_life: TokenLifeOption = 7200,
    page_cap: PageCapOption = 200,
    quota: QuotaOption = 10_000,
    import_limit: ImportLimitOption = 100_000,
    volunteers: VolunteersOption = 0,
    accuracy: AccuracyOption = 0.9,
    export_every: ExportEveryOption = 86_400,
    stale_documents: StaleDocumentsOption = False,
    count_delay: CountDelayOption = 180,
) -> None:
    """Run a server like Zooniverse's on this machine, to rehearse against, until Ctrl-C.

    It has the accounts owner, collab, stranger and banned, all with the password sandbox-password, and the project
    owner/rehearsal. For the client credentials grant, which acts as owner, the client id is "5a4d" and the secret
    "5ec7", each sixteen times.

    It prints its endpoint on one line as soon as it answers. Faults can also be set while it runs, by a POST to
    /sandbox/faults; a GET there lists them all.

    Example: zoocut sandbox --port 8642 --data rehearsal/
    """
    from zoocut.cli.console import results
    from zoocut.sandbox.faults.reading import read_faults, rule_of_text
    from zoocut.sandbox.options import Delays, Options, Volunteering
    from zoocut.sandbox.serve import serve

    rules = (*(read_faults(faults) if faults else ()), *map(rule_of_text, fault or ()))
    with tempfile.TemporaryDirectory(prefix="zoocut-sandbox-") as temporary:
        options = Options(
            data=data or Path(temporary),
            accounts=tuple(account or ()),
            url_life_s=url_life,
            token_life_s=token_life,
            page_cap=page_cap,
            subject_limit=quota,
            import_limit=import_limit,
            export_every_s=export_every,
            volunteers=Volunteering(volunteers, accuracy) if volunteers else None,
            stale_documents=stale_documents,
            delays=Delays(count_s=count_delay),
            faults=rules,
        )
        serve(options, host, port, results.print)
