"""The votes on an installation's answers, for SectorFlow's platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView

from sectorflow_slack.domain.installations import Installation, SectorFlowSettings
from sectorflow_slack.domain.questions import ModelVotes
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
        """Return the votes on an installation's answers, by model.

        They are deleted with the installation.
        """
        installation = current_services.registration.find(str(installation_id))
        if not isinstance(installation, Installation):
            raise problem(404, NOT_INSTALLED)
        votes = current_services.feedback.votes(installation.key)
        return {"items": votes_by_model(installation.settings.sectorflow, votes)}


def votes_by_model(settings: SectorFlowSettings, votes: Sequence[ModelVotes]) -> list[dict[str, Any]]:
    """Return the votes on the models of the settings in their order, then on other models by id."""
    voted = {each.model_id: each for each in votes}
    others = sorted(voted.keys() - set(settings.model_ids))
    models = (voted.get(model, ModelVotes(model, 0, 0)) for model in (*settings.model_ids, *others))
    return [
        {
            "modelId": each.model_id,
            "modelName": settings.model_names.get(each.model_id) or None,
            "up": each.up,
            "down": each.down,
        }
        for each in models
    ]
