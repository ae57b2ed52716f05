"""Three levels of callbacks, the app's subscription, and the handshake before each."""

from __future__ import annotations

import pytest
from simulator_driver import WA, App, Driver, Json, until

APPS = f"{WA.waba_id}/subscribed_apps"


def overriding(url: str, verify_token: str = WA.verify_token) -> Json:
    return {"override_callback_uri": url, "verify_token": verify_token}


async def configuration(sim: Driver) -> Json:
    node = (await sim.graph(WA.phone_id, params={"fields": "webhook_configuration"})).json()
    assert node.keys() == {"webhook_configuration", "id"}
    found: Json = node["webhook_configuration"]
    return found


async def unsubscribed(sim: Driver) -> None:
    headers = {"Authorization": f"Bearer {WA.token}"}
    gone = await sim.http.delete(f"/v23.0/{APPS}", headers=headers)
    assert gone.json() == {"success": True}


async def test_the_app_is_listed_with_its_override(sim: Driver, app: App) -> None:
    [listed] = (await sim.graph(APPS)).json()["data"]
    assert listed.keys() == {"whatsapp_business_api_data"}
    assert listed["whatsapp_business_api_data"].keys() == {"link", "name", "id"}

    answer = await sim.graph(APPS, overriding(f"{app.url}/whatsapp"))
    assert answer.json() == {"success": True}

    [listed] = (await sim.graph(APPS)).json()["data"]
    assert listed["override_callback_uri"] == f"{app.url}/whatsapp"
    assert (await sim.graph(APPS, {})).json() == {"success": True}
    [listed] = (await sim.graph(APPS)).json()["data"]
    assert "override_callback_uri" not in listed, "a POST without a body takes it back"


async def test_the_number_goes_before_the_account_and_that_before_the_app(
    sim: Driver, app: App
) -> None:
    ann = await sim.person("whatsapp", says=None)
    await sim.http.post("/sim/whatsapp/callback", json={"url": f"{app.url}/app"})
    await sim.act("whatsapp", ann, "say", text="to the app")
    await until(lambda: app.of("/app"))
    assert (await sim.graph(APPS, overriding(f"{app.url}/account"))).status_code == 200
    await sim.act("whatsapp", ann, "say", text="to the account")
    await until(lambda: app.of("/account"))
    body = {"webhook_configuration": overriding(f"{app.url}/number")}
    assert (await sim.graph(WA.phone_id, body)).status_code == 200
    await sim.act("whatsapp", ann, "say", text="to the number")
    await until(lambda: app.of("/number"))
    assert await configuration(sim) == {
        "phone_number": f"{app.url}/number",
        "whatsapp_business_account": f"{app.url}/account",
        "application": f"{app.url}/app",
    }

    taken_back = {"webhook_configuration": {"override_callback_uri": ""}}
    assert (await sim.graph(WA.phone_id, taken_back)).json() == {"success": True}
    await sim.act("whatsapp", ann, "say", text="again")
    await until(lambda: len(app.of("/account")) == 2)
    assert "phone_number" not in await configuration(sim)


@pytest.mark.parametrize("level", ["account", "number"])
async def test_an_override_must_shake_hands_with_its_own_token(
    sim: Driver, app: App, level: str
) -> None:
    async def refusal(url: str, verify_token: str) -> Json:
        override = overriding(url, verify_token)
        if level == "account":
            answer = await sim.graph(APPS, override)
        else:
            answer = await sim.graph(WA.phone_id, {"webhook_configuration": override})
        assert answer.status_code == 400
        error: Json = answer.json()["error"]
        return error

    refused = await refusal(f"{app.url}/whatsapp", "another-token")
    assert refused["code"] == 2200
    assert refused["message"] == (
        "(#2200) Callback verification failed with the following errors: "
        "HTTP Status Code = 403; HTTP Message = Forbidden"
    )
    assert (await refusal("http://127.0.0.1:1/x", "x" * 20))["code"] == 2200
    assert (await refusal(f"{app.url}/{'x' * 200}", WA.verify_token))["code"] == 100
    assert (await refusal(f"{app.url}/whatsapp", ""))["code"] == 100
    assert await configuration(sim) == {}


async def test_an_override_is_only_for_an_app_that_is_subscribed(sim: Driver, app: App) -> None:
    await unsubscribed(sim)
    assert (await sim.graph(APPS)).json() == {"data": []}

    refused = await sim.graph(APPS, overriding(f"{app.url}/whatsapp"))
    assert refused.json()["error"]["code"] == 100
    assert "must be subscribed" in refused.json()["error"]["message"]

    assert (await sim.graph(APPS, {})).json() == {"success": True}
    assert (await sim.graph(APPS, overriding(f"{app.url}/whatsapp"))).status_code == 200


async def test_an_app_that_is_not_subscribed_or_did_not_ask_hears_nothing(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    ann = await sim.person("whatsapp", says=None)
    await unsubscribed(sim)
    await sim.act("whatsapp", ann, "say", text="to nobody")
    await sim.graph(APPS, {})
    await sim.http.post("/sim/whatsapp/callback", json={"fields": ["account_update"]})
    await sim.act("whatsapp", ann, "say", text="not asked for")
    await sim.http.post("/sim/whatsapp/callback", json={"fields": ["messages"]})
    await sim.act("whatsapp", ann, "say", text="heard")

    await until(lambda: app.messages)
    assert [message["text"]["body"] for message in app.messages] == ["heard"]
    assert (await sim.stats("whatsapp"))["webhooks"]["dropped"] == 2


async def test_the_apps_subscriptions_are_told_to_the_app_alone(sim: Driver, app: App) -> None:
    path = f"/v23.0/{WA.app_id}/subscriptions"
    by_user = await sim.graph(f"{WA.app_id}/subscriptions")
    assert (by_user.status_code, by_user.json()["error"]["code"]) == (400, 15)
    forged = {"Authorization": f"Bearer {WA.app_id}|another-secret"}
    assert (await sim.http.get(path, headers=forged)).status_code == 401

    await sim.listen(app)
    headers = {"Authorization": f"Bearer {WA.app_id}|{WA.app_secret}"}
    [told] = (await sim.http.get(path, headers=headers)).json()["data"]
    assert told["object"] == "whatsapp_business_account"
    assert told["callback_url"] == f"{app.url}/whatsapp"
    assert "messages" in [field["name"] for field in told["fields"]]


async def test_only_the_accounts_token_may_set_a_callback(sim: Driver, app: App) -> None:
    answer = await sim.http.post(f"/v23.0/{APPS}", json=overriding(f"{app.url}/whatsapp"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)
    unknown = await sim.graph("1/subscribed_apps")
    assert unknown.json()["error"]["error_subcode"] == 33
