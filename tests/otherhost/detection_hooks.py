import detection

detection.register_asset("otherhost.Plate", file_field="picture", label="title")
detection.register_publishable("otherhost.Article", assets="plates", is_draft=lambda article: not article.is_out)
