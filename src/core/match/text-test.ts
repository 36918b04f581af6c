/** Conditions on one text: the value of a header or of a query parameter, or an Origin. */
import type { TextTest } from "../model.ts";
import { buildRegex } from "./regex-subset.ts";

/** Whether a text meets a condition; undefined = there is no such text. */
export type TextPredicate = (text: string | undefined) => boolean;

/** Builds the predicate of a condition. Pure. What is absent meets only `present = false`. */
export function buildTextPredicate(test: TextTest): TextPredicate {
  switch (test.kind) {
    case "present":
      return (text) => (text !== undefined) === test.value;
    case "exact":
      return (text) => text === test.value;
    case "prefix":
      return (text) => text?.startsWith(test.value) === true;
    case "regex": {
      const regex = buildRegex(test.value);
      return (text) => text !== undefined && regex.test(text);
    }
    default:
      return () => false;
  }
}

/** `is "v2"`, `begins with "v"`, `matches v\d`, `is there`, `is not there`. Pure. */
export function textTestWords(test: TextTest): string {
  switch (test.kind) {
    case "present":
      return test.value ? "is there" : "is not there";
    case "exact":
      return `is ${JSON.stringify(test.value)}`;
    case "prefix":
      return `begins with ${JSON.stringify(test.value)}`;
    case "regex":
      return `matches ${test.value}`;
    default:
      return "";
  }
}
