"""A real Home Assistant with its own MQTT integration, driven by JSON lines on standard input.

Arguments: a folder for its configuration, and the broker's port. It needs the package `homeassistant` and what its MQTT
integration requires. Each line is a command with its arguments; the answer is one line of JSON.
"""

import asyncio
import json
import sys

from homeassistant import auth, bootstrap, config_entries, loader, setup
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry, entity_registry


class Problems:
    """Warnings of the MQTT integration: nothing of ours must cause one."""

    def __init__(self) -> None:
        import logging

        self.lines = []
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self.lines.append(record.getMessage())
        for name in ("homeassistant.components.mqtt", "homeassistant.helpers.template"):
            logging.getLogger(name).addHandler(handler)


async def start(folder: str, port: int) -> HomeAssistant:
    hass = HomeAssistant(folder)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    loader.async_setup(hass)
    await bootstrap.async_load_base_functionality(hass)
    hass.config.skip_pip = True
    hass.auth = await auth.auth_manager_from_config(hass, [], [])
    # Cameras need a web server to be set up; it is never started.
    for domain in ("homeassistant", "http"):
        await setup.async_setup_component(hass, domain, {"http": {"server_host": ["127.0.0.1"]}})
    entry = config_entries.ConfigEntry(
        version=1,
        minor_version=2,
        domain="mqtt",
        title="broker",
        data={"broker": "127.0.0.1", "port": port, "protocol": "5", "discovery": True},
        options={},
        source="user",
        unique_id=None,
        discovery_keys={},
        subentries_data=(),
    )
    await hass.async_start()
    await hass.config_entries.async_add(entry)
    return hass


def devices(hass: HomeAssistant) -> list:
    registry = device_registry.async_get(hass)
    return [
        {
            "name": device.name,
            "model": device.model,
            "identifiers": [value for _, value in device.identifiers],
            "via": registry.async_get(device.via_device_id).name if device.via_device_id else None,
        }
        for device in registry.devices.values()
    ]


def states(hass: HomeAssistant) -> dict:
    registry = entity_registry.async_get(hass)
    return {
        entry.unique_id: {
            "entity": entry.entity_id,
            "state": state.state,
            "attributes": json.loads(json.dumps(dict(state.attributes), default=str)),
        }
        for entry in registry.entities.values()
        if (state := hass.states.get(entry.entity_id)) is not None
    }


async def carry_out(hass: HomeAssistant, problems: Problems, command: str, *arguments):
    await hass.async_block_till_done()
    if command == "states":
        return states(hass)
    if command == "devices":
        return devices(hass)
    if command == "problems":
        return problems.lines
    if command == "call":
        domain, service, data = arguments
        await hass.services.async_call(domain, service, data, blocking=True)
        return {}
    if command == "picture":
        from homeassistant.components.camera import async_get_image

        image = await async_get_image(hass, arguments[0])
        return {"size": len(image.content), "type": image.content_type}
    raise HomeAssistantError(f"no such command: {command}")


async def main() -> None:
    problems = Problems()
    hass = await start(sys.argv[1], int(sys.argv[2]))
    reader = asyncio.StreamReader()
    await hass.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    answer = {"ready": True}
    while True:
        print(json.dumps(answer), flush=True)
        line = await reader.readline()
        if not line:
            break
        try:
            answer = await carry_out(hass, problems, *json.loads(line))
        except HomeAssistantError as error:
            answer = {"error": str(error)}
    await hass.async_stop(force=True)


asyncio.run(main())
