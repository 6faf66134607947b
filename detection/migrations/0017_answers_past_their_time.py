"""Raw answers past their time are found by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0016_operations_pages"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="analysis",
            index=models.Index(
                condition=models.Q(("raw__isnull", False)), fields=["completed_at"], name="detection_analysis_raw"
            ),
        ),
    ]
