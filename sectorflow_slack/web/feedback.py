"""The votes on an installation's answers and what these took, for SectorFlow's platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView

from sectorflow_slack.domain.installations import Installation, SectorFlowSettings
from sectorflow_slack.domain.questions import ModelFigures, ModelVotes
from sectorflow_slack.web import current_services, examples
from sectorflow_slack.web.api import ApiBlueprint
from sectorflow_slack.web.errors import problem
from sectorflow_slack.web.response_schemas import FeedbackSchema

blueprint = ApiBlueprint("feedback", __name__, description="The votes on the models' answers.")

NOT_INSTALLED = "No installed installation has this id."


@blueprint.route("/installations/<uuid:installation_id>/feedback")
class FeedbackView(MethodView):
    """The votes of one installation."""

    @blueprint.doc(operationId="getFeedback")
    @blueprint.response(200, FeedbackSchema, example=examples.FEEDBACK)
    @blueprint.can_fail(404)
    def get(self, installation_id: object) -> dict[str, Any]:
        """Return the votes on an installation's answers, and what these took in the last 30 days, by model.

        All of it is deleted with the installation.
        """
        installation = current_services.registration.find(str(installation_id))
        if not isinstance(installation, Installation):
            raise problem(404, NOT_INSTALLED)
        return {"items": feedback_on(installation)}


def feedback_on(installation: Installation) -> list[dict[str, Any]]:
    """Return what is known of the models of an installation in their order, then of other models by id."""
    store, settings = current_services.feedback, installation.settings.sectorflow
    votes, figures = store.votes(installation.key), store.figures(installation.key)
    return by_model(settings, votes, figures)


def by_model(
    settings: SectorFlowSettings, votes: Sequence[ModelVotes], figures: Sequence[ModelFigures]
) -> list[dict[str, Any]]:
    """Return votes and figures by model: those of the settings in their order, then others by id."""
    voted, took = {each.model_id: each for each in votes}, {each.model_id: each for each in figures}
    others = sorted((voted.keys() | took.keys()) - set(settings.model_ids))
    found = []
    for model_id in (*settings.model_ids, *others):
        vote, figure = voted.get(model_id, ModelVotes(model_id, 0, 0)), took.get(model_id)
        figure = figure or ModelFigures(model_id)
        found.append(
            {
                "modelId": model_id,
                "modelName": settings.model_names.get(model_id) or None,
                "up": vote.up,
                "down": vote.down,
                "asked": figure.asked,
                "failed": figure.failed,
                "p50Seconds": figure.p50_seconds,
                "credits": figure.credits,
            }
        )
    return found
