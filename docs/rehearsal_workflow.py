"""Make a workflow in the sandbox's project, since there is no project builder: `python docs/rehearsal_workflow.py`.

The sandbox is that of `PANOPTES_ENDPOINT`. A subject retires after three answers, so four robots are enough.
"""

import os

from panoptes_client import Panoptes, Project, Workflow

Panoptes.connect(endpoint=os.environ["PANOPTES_ENDPOINT"], username="owner", password="sandbox-password")
workflow = Workflow()
workflow.display_name = "Real or bogus"
workflow.primary_language = "en"
workflow.active = True
workflow.first_task = "T0"
workflow.tasks = {
    "T0": {
        "type": "single",
        "question": "Is there a source in the difference image that is not an artefact?",
        "answers": [{"label": "Real"}, {"label": "Bogus"}],
    }
}
workflow.retirement = {"criteria": "classification_count", "options": {"count": 3}}
workflow.links.project = Project.find(slug="owner/rehearsal")
workflow.save()
