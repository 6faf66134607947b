"""Names of two pages: operations, and what left the house."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0015_passages_and_samples"),
    ]

    operations = [
        migrations.CreateModel(
            name="Pipeline",
            fields=[],
            options={
                "verbose_name": "operations",
                "verbose_name_plural": "operations",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("detection.sweep",),
        ),
        migrations.CreateModel(
            name="Sent",
            fields=[],
            options={
                "verbose_name": "picture sent to a detector",
                "verbose_name_plural": "what left the house",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("detection.analysis",),
        ),
    ]
