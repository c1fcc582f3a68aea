"""Client libraries of others against the Telegram fake: by polling and by webhook, without a change to them.

    python scripts/sim_clients.py API_URL CONTROL_URL

Each run answers one message, and the fake's journal has to show the answer. Exit status 0 = all did.
"""

import asyncio
import json
import socket
import sys
import urllib.request

API, CONTROL = sys.argv[1].rstrip("/"), sys.argv[2].rstrip("/")
CHAT = 4242


def ask(path, body=None, account=None):
    url = CONTROL + path
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return answer.read().decode()


def inject(bot, text, update):
    message = {"message_id": update, "date": 1_790_000_000, "text": text,
               "from": {"id": CHAT, "is_bot": False, "first_name": "Ann"},
               "chat": {"id": CHAT, "type": "private", "first_name": "Ann"}}
    ask(f"/inject?account={bot}", {"message": message})


def sent(bot, text):
    for line in ask("/journal?after=0").splitlines():
        entry = json.loads(line)
        if entry["account"] == str(bot) and entry["method"].lower() == "sendmessage":
            if entry["body"].get("text") == text and entry["status"] == 200:
                return True
    return False


async def wait_for(bot, text):
    for _ in range(100):
        if await asyncio.to_thread(sent, bot, text):
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"bot {bot} did not send {text!r}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def ptb(bot, webhook):
    from telegram.ext import Application, MessageHandler, filters

    async def echo(update, _):
        await update.message.reply_text("ptb " + update.message.text)

    app = Application.builder().token(f"{bot}:test").base_url(API + "/bot").build()
    app.add_handler(MessageHandler(filters.TEXT, echo))
    await app.initialize()
    await app.start()
    if webhook:
        port = free_port()
        await app.updater.start_webhook(listen="127.0.0.1", port=port, url_path="hook", secret_token="s3cret",
                                        webhook_url=f"http://127.0.0.1:{port}/hook")
    else:
        await app.updater.start_polling(timeout=2)
    inject(bot, "hi", 1)
    await wait_for(bot, "ptb hi")
    await app.updater.stop()
    await app.stop()
    await app.shutdown()


async def aio(bot, webhook):
    from aiogram import Bot, Dispatcher
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer

    client = Bot(f"{bot}:test", session=AiohttpSession(api=TelegramAPIServer.from_base(API)))
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def echo(message):
        await message.answer("aiogram " + message.text)

    if webhook:
        from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
        from aiohttp import web

        port, site = free_port(), web.Application()
        SimpleRequestHandler(dispatcher, client, secret_token="s3cret").register(site, path="/hook")
        setup_application(site, dispatcher, bot=client)
        runner = web.AppRunner(site)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await client.set_webhook(f"http://127.0.0.1:{port}/hook", secret_token="s3cret")
        inject(bot, "hi", 1)
        await wait_for(bot, "aiogram hi")
        await runner.cleanup()
    else:
        polling = asyncio.create_task(dispatcher.start_polling(client, handle_signals=False, polling_timeout=2))
        inject(bot, "hi", 1)
        await wait_for(bot, "aiogram hi")
        await dispatcher.stop_polling()
        await polling
    await client.session.close()


async def main():
    for bot, (name, run, webhook) in enumerate(
        [("python-telegram-bot by polling", ptb, False), ("python-telegram-bot by webhook", ptb, True),
         ("aiogram by polling", aio, False), ("aiogram by webhook", aio, True)], start=7001):
        # The fake makes an account of any token that it sees.
        urllib.request.urlopen(f"{API}/bot{bot}:test/getMe", timeout=10).read()
        await asyncio.wait_for(run(bot, webhook), 60)
        print(name, "ok", flush=True)


asyncio.run(main())
