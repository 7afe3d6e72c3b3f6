// Compiled, not run, against the types that were generated (tests/tools/api_clients).
import type { components, paths } from "./api.d.ts";

type Schemas = components["schemas"];

const shop: Schemas["Application"] = {
  apiVersion: "qleet.io/v1",
  kind: "Application",
  metadata: { name: "shop", labels: { team: "a" } },
  spec: {
    workloads: {
      web: {
        replicas: 2,
        builds: { image: "registry.example/shop/web", tags: "main-*" },
        score: {
          containers: { web: { image: ".", variables: { A: "b" }, resources: { requests: { memory: "64M" } } } },
          service: { ports: { http: { port: 80, targetPort: 8080 } } },
          resources: { db: { type: "postgres", params: { size: "1Gi" } } },
        },
      },
    },
  },
};

type Applied = paths["/v1/apply"]["post"]["requestBody"]["content"]["application/json"];
export const applied: Applied = shop;

type Answer = paths["/v1/builds"]["post"]["responses"][200]["content"]["application/json"];
export const told = (answer: Answer): string | undefined => answer.releases?.[0]?.reason ?? answer.nearestImage;
export const release = (one: Schemas["Release"]): Schemas["Score"] | undefined =>
  one.spec?.definition?.workloads?.["web"]?.score;
