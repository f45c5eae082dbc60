# The service, without a judge: docker-compose.yml brings vLLM, or name one with --judge-url.

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY judge_service judge_service
COPY rubrics rubrics
COPY prompts prompts
COPY probes probes
COPY examples/methods examples/methods
# Without pip: it stays behind with this stage.
RUN python -m venv --without-pip /opt/judge-service \
    && pip --python /opt/judge-service/bin/python install --no-cache-dir --no-compile -c constraints.txt '.[traces]'

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/judge-service --create-home judge
COPY --from=build /opt/judge-service /opt/judge-service
ENV PATH=/opt/judge-service/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/judge-service
USER 10001
EXPOSE 8080
# Alive; whether a judge answers is /ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["judge-service"]
# Beyond loopback it asks its callers for a key: JUDGE_API_KEYS, or JUDGE_API_KEYS_FILE.
CMD ["serve", "--host", "0.0.0.0"]
