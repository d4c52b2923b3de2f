"""The web application: the API, the pages without JavaScript, and the built console."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from litestar import Litestar, Response, Router, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.static_files import create_static_files_router

from appliance.foundation.clock import Clock
from appliance.foundation.probes import Probes
from appliance.foundation.settings import Settings
from appliance.web.api.audit import AuditController
from appliance.web.api.events import EventController
from appliance.web.api.governance import ProposalController, ReviewController
from appliance.web.api.identity_providers import IdentityProviderController, SingleLogoutController
from appliance.web.api.incidents import IncidentController
from appliance.web.api.platform import PlatformController, SigningKeyController
from appliance.web.api.rules import RuleController
from appliance.web.api.scim import ScimController
from appliance.web.api.scim_discovery import ScimDiscoveryController
from appliance.web.api.scim_documents import accept_internal_domains
from appliance.web.api.session import AccountController, SessionController
from appliance.web.api.signing_in import ProgramSignInController
from appliance.web.api.sources import BatchController, QuarantineController, SourceController
from appliance.web.api.status import HealthController, StatusController
from appliance.web.api.status import metrics as metrics_route
from appliance.web.api.tokens import ServiceTokenController, TokenController
from appliance.web.api.users import (
    OrganisationController,
    RoleController,
    SessionListController,
    UserController,
)
from appliance.web.authentication import Authentication, check_declarations, enforce
from appliance.web.console.pages import PageController
from appliance.web.console.second_step import SecondStepController
from appliance.web.console.single_sign_on import SingleSignOnController
from appliance.web.console.well_known import report_violation, security_contact
from appliance.web.context import WebContext
from appliance.web.dependencies import PROVIDED
from appliance.web.errors import HANDLERS, audit_denial
from appliance.web.openapi import TruthfulConfig
from appliance.web.security import DOCS_POLICY, add_headers, console_page
from appliance.web.strict import StrictRequest
from appliance.web.timing import Timing

UI = Path(__file__).parent / "ui" / "_dist"
_PAGES = Path(__file__).parent / "console" / "static"
_MOST_BODY_BYTES = 1_048_576
_YEAR = 31_536_000


def create_application(settings: Settings, clock: Clock | None = None, *, ui: Path = UI) -> Litestar:
    """
    The application; nothing is connected until the first request.

    Args:
        ui: The built console. Without it the API and the pages still work, and "/" says how to build it.
    """
    context = WebContext(settings, clock)
    accept_internal_domains()
    api = Router(
        path="/api/v1",
        route_handlers=[
            ProgramSignInController, SessionController, AccountController, UserController, RoleController,
            SessionListController, OrganisationController, TokenController, ServiceTokenController,
            ProposalController, ReviewController, PlatformController, SigningKeyController,
            IncidentController, EventController, RuleController, SourceController, QuarantineController,
            BatchController, AuditController, IdentityProviderController, SingleLogoutController,
        ],
    )  # fmt: skip
    application = Litestar(
        route_handlers=[
            api,
            StatusController,
            HealthController,
            metrics_route,
            report_violation,
            security_contact,
            PageController,
            SecondStepController,
            SingleSignOnController,
            ScimController,
            ScimDiscoveryController,
            _icon,
            *_console(ui),
        ],
        dependencies=PROVIDED,
        guards=[enforce],
        middleware=[Timing, Authentication],
        exception_handlers=HANDLERS,
        after_request=_finish,
        after_exception=[audit_denial],
        openapi_config=_openapi(),
        request_max_body_size=_MOST_BODY_BYTES,
        request_class=StrictRequest,
        state=State(
            {
                "context": context,
                "probes": Probes(
                    context.database, context.cache, product_version(), settings.node, settings.state_dir
                ),
                "console": _index(ui),
            }
        ),
        on_shutdown=[context.close],
        debug=False,
    )
    check_declarations(application)
    return application


def product_version() -> str:
    try:
        return version("mini-xdr-appliance")
    except PackageNotFoundError:
        return "0.1.0-source"


def _openapi() -> TruthfulConfig:
    return TruthfulConfig(
        title="Mini-XDR Appliance API",
        version="1",
        description="Errors are RFC 9457 problem details; lists are keyset pages.",
        openapi_router=Router(
            path="/api/v1/openapi", route_handlers=[], opt={"signed_in": True}, include_in_schema=False
        ),
        # The page for people is ours (`/docs`); the framework's would load scripts from elsewhere.
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="An API token, xdr_api_…"),
                "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name="__Host-xdr"),
            }
        ),
        security=[{"token": []}, {"session": []}],
    )


async def _finish(response: Response[Any]) -> Response[Any]:
    return await add_headers(response)


def _index(ui: Path) -> bytes:
    page = ui / "index.html"
    return page.read_bytes() if page.exists() else b""


def _console(ui: Path) -> list[Any]:
    """The single-page console: hashed assets for a year, its page for every other path and never cached."""
    pages = create_static_files_router(
        path="/console", directories=[_PAGES], opt={"public": True}, after_request=_asked_again
    )
    index = _index(ui)
    if not index:
        return [pages, _unbuilt]

    @get(
        ["/", "/incidents", "/incidents/{_:path}", "/events", "/events/{_:path}", "/rules", "/rules/{_:path}",
         "/sources", "/sources/{_:path}", "/account", "/users", "/users/{_:path}",
         "/audit", "/audit/{_:path}", "/proposals", "/access-reviews", "/access-reviews/{_:path}",
         "/identity-providers", "/identity-providers/{_:path}"],
        public=True, include_in_schema=False, sync_to_thread=False,
    )  # fmt: skip
    def console() -> Response[bytes]:
        return console_page(index)

    assets = create_static_files_router(
        path="/assets", directories=[ui / "assets"], opt={"public": True}, after_request=_immutable
    )
    found = [pages, console, assets]
    if (ui / "docs").exists():
        found.append(
            create_static_files_router(
                path="/docs",
                directories=[ui / "docs"],
                opt={"public": True},
                html_mode=True,
                after_request=_docs,
            )
        )
    notices = ui / "THIRD-PARTY-NOTICES.txt"
    return [*found, _notices(notices)] if notices.exists() else found


def _notices(path: Path) -> HTTPRouteHandler:
    """The licences of what the console is built from, which must go with it."""
    content = path.read_bytes()

    @get("/third-party-notices", public=True, include_in_schema=False, sync_to_thread=False)
    def notices() -> Response[bytes]:
        return Response(content, media_type="text/plain; charset=utf-8")

    return notices


async def _immutable(response: Response[Any]) -> Response[Any]:
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return await add_headers(response)


async def _asked_again(response: Response[Any]) -> Response[Any]:
    response.headers["Cache-Control"] = "no-cache"  # kept, and looked for a newer one each time
    return await add_headers(response)


async def _docs(response: Response[Any]) -> Response[Any]:
    response.headers["Content-Security-Policy"] = DOCS_POLICY
    return await _asked_again(response)


@get("/favicon.ico", public=True, include_in_schema=False, sync_to_thread=False)
def _icon() -> Response[bytes]:
    """What browsers ask for on pages that name no icon, such as a problem document."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response((_PAGES / "icon.svg").read_bytes(), media_type="image/svg+xml", headers=headers)


@get("/", public=True, include_in_schema=False, sync_to_thread=False)
def _unbuilt() -> Response[str]:
    text = "The console is not built. Run `make ui`; the API is at /api/v1.\n"
    return Response(text, status_code=503, media_type="text/plain; charset=utf-8")
