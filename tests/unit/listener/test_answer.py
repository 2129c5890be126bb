from bridge.listener.answer import Answer, json_answer


def test_an_answer_says_its_value_in_json() -> None:
    assert json_answer(202, {"events": ("a",)}) == Answer(
        status=202, body=b'{"events":["a"]}', content_type="application/json"
    )
