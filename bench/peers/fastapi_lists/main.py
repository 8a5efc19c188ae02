"""`uvicorn bench.peers.fastapi_lists.main:app`."""

from fastapi import FastAPI

from bench.peers.fastapi_lists import catalog, enrollment, history

app = FastAPI()
for module in (catalog, enrollment, history):
    app.include_router(module.router)


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    return {"status": "ready"}
