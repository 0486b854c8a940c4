# The worker's image: a base that has Node 24 or later, and one file. `npm run build` makes the file.
# Another base: docker build --build-arg BASE=node:24-slim .
ARG BASE=gcr.io/distroless/nodejs24-debian12:nonroot
FROM ${BASE}

# Where the usual bases keep `node`: distroless has it outside of PATH and no shell to look for it.
ENV PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production

WORKDIR /app
COPY dist/worker.cjs /app/worker.cjs

# By number, since not every base has the name; nothing in the image belongs to it.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/app/worker.cjs"]
