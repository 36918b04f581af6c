/** The configuration file as JSON Schema, for editors; loaded by the schema command alone. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type { JsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "./schema.ts";

/**
 * JSON Schema, draft 7, which editors' TOML plugins read. Pure. Values and defaults are in the user's units; keys
 * that this version does not honour are left out, and so marked as mistakes.
 */
export function buildJsonSchema(): JsonSchema {
  const schema = toJsonSchema(configSchema, {
    target: "draft-07",
    // What these two check cannot be said in JSON Schema; `gatehouse check` says it.
    ignoreActions: ["raw_transform", "raw_check", "transform"],
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if (valibotSchema.type !== "object_with_rest") return undefined;
      const { required = [], ...rest } = jsonSchema;
      const checked = required.length === 0 ? rest : { ...rest, required };
      return { ...checked, additionalProperties: false };
    },
  });
  return { ...schema, title: "gatehouse configuration" };
}
