"""Totals for the metrics, and up to where the history was counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0013_places_and_preferences"),
    ]

    operations = [
        migrations.CreateModel(
            name="MetricTotal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("labels", models.CharField(blank=True, max_length=200)),
                ("value", models.FloatField(default=0)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("name", "labels"), name="detection_total_once")],
            },
        ),
    ]
