"""Which request a check, or a detector's event, goes back to. What was there before has none."""

from django.db import migrations, models

import detection.correlation


class Migration(migrations.Migration):
    dependencies = [("detection", "0009_emergencies")]

    operations = [
        operation
        for model in ("analysis", "webhookdelivery")
        for operation in (
            migrations.AddField(model, "correlation", models.CharField(max_length=64, default="", blank=True)),
            migrations.AlterField(
                model,
                "correlation",
                models.CharField(max_length=64, default=detection.correlation.inherited, blank=True),
            ),
        )
    ]
