"""Who is asking: the internal JWT, verified as the tutorial's `get_current_user` does."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

ALGORITHM = "HS256"
SECRET = os.environ["INTERNAL_TOKEN_SECRET"]

bearer = HTTPBearer()


class User(BaseModel):
    sub: str
    org: int
    name: str
    user_type: str
    permissions: list[str]


async def get_current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> User:
    try:
        claims = jwt.decode(
            credentials.credentials, SECRET, algorithms=[ALGORITHM], audience="internal", issuer="muster-gateway"
        )
    except jwt.InvalidTokenError:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "Could not validate credentials", {"WWW-Authenticate": "Bearer"}
        ) from None
    return User.model_validate(claims)


async def get_viewer(user: Annotated[User, Depends(get_current_user)]) -> User:
    if "training.view" not in user.permissions or "api.access" not in user.permissions:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Not enough permissions")
    return user


Viewer = Annotated[User, Depends(get_viewer)]
