# The worker's image: a base with Node 24 or later, and one file, which `npm run build` creates.
# To use another base: docker build --build-arg BASE=node:24-slim .
ARG BASE=gcr.io/distroless/nodejs24-debian12:nonroot
FROM ${BASE}

# Where the usual bases keep `node`: distroless has it outside PATH and no shell to find it.
ENV PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production \
    HEALTH_PORT=8081

WORKDIR /app
COPY dist/worker.cjs /app/worker.cjs

# By number, because not every base has the name; it owns nothing in the image.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/app/worker.cjs"]
