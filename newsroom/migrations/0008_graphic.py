"""Pictures that nobody should meet unasked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("newsroom", "0007_standards_editors"),
    ]

    operations = [
        migrations.AddField(
            model_name="photo",
            name="is_graphic",
            field=models.BooleanField(
                default=False,
                help_text="Blurred in the newsroom until somebody asks to see it.",
                verbose_name="graphic",
            ),
        ),
    ]
