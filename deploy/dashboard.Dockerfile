# The dashboard: Next's own server, behind the proxy that joins it with the API.
#   docker build -f deploy/dashboard.Dockerfile -t novacron-dashboard .
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
# See scripts/install: the lock file may lack this platform's optional packages.
RUN npm ci --no-audit --no-fund || npm install --no-save --no-audit --no-fund
COPY graph/schema /src/graph/schema
COPY frontend ./
ENV NEXT_TELEMETRY_DISABLED=1
RUN npm run build

FROM node:24.21.0-bookworm-slim
WORKDIR /app
COPY --from=build --chown=node:node /src/frontend/.next/standalone ./
USER node
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 PORT=3000 HOSTNAME=0.0.0.0
EXPOSE 3000
CMD ["node", "server.js"]
