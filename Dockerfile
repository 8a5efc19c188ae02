# One image for every process: the command says which one it is (docs/compose.md).
# The base is the same in both stages, so that the virtual environment finds its interpreter where it was made.
FROM python:3.11-slim-bookworm AS build

# First what changes seldom: these layers are built again only when the lock changes.
COPY requirements-tracing.lock /build/requirements-tracing.lock
RUN python -m venv --without-pip /opt/muster \
    && python -m pip --disable-pip-version-check --python /opt/muster/bin/python install \
        --no-cache-dir --no-compile --only-binary :all: --require-hashes --requirement /build/requirements-tracing.lock \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/muster/lib

COPY shared /app/shared
COPY gateway /app/gateway
COPY services /app/services
COPY docs/openapi.json docs/asyncapi.json /app/docs/
COPY docs/schemas /app/docs/schemas
# The modes of a clone depend on its maker's umask; here everybody reads and nobody but root writes.
RUN chmod -R u=rwX,go=rX /app \
    && python -m compileall -q --invalidation-mode unchecked-hash /app


FROM python:3.11-slim-bookworm

# The volumes of keys take their first owner from these directories.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin muster \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/muster \
        /var/lib/muster-keys/gateway /var/lib/muster-keys/catalog /var/lib/muster-keys/enrollment \
        /var/lib/muster-keys/accounts /var/lib/muster-keys/delivery /var/lib/muster-keys/history \
        /var/lib/muster-keys/trusted

COPY --from=build /opt/muster /opt/muster
COPY --from=build /app /app

ENV PATH=/opt/muster/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["python", "-c", "import http.client, os; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=3); connection.request('GET', '/health/ready'); raise SystemExit(connection.getresponse().status != 200)"]
CMD ["python", "-m", "gateway"]
