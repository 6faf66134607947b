"""Pictures that nobody should meet unasked: the host's word for it, and a person's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0017_answers_past_their_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="asset",
            name="host_graphic",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="asset",
            name="said_graphic",
            field=models.BooleanField(blank=True, null=True),
        ),
    ]
