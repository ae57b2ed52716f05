"""The yardstick of the gateway: a FastAPI route that reads the body and does nothing with it."""

import sys

import uvicorn
from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/telegram")
async def read(request: Request) -> dict[str, bool]:
    """Read and forget."""
    await request.body()
    return {"ok": True}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
