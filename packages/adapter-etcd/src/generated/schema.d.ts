// Generated from proto/ by test/generate.ts. Do not edit.
/** A field of a message. */
export interface SchemaField {
  /** As written in the protocol file, and in JSON output. */
  readonly protoName: string
  /** Lower camel case: the property of the message object. */
  readonly name: string
  /** A scalar type, or the full name of a message or enum. */
  readonly type: string
  readonly repeated?: true
  /** A map from string to the type. */
  readonly map?: true
}

/** Fields of every message, by full name, in order of their numbers. */
export const messages: Readonly<Record<string, readonly SchemaField[]>>

/** Values of every enum, by full name. */
export const enums: Readonly<Record<string, Readonly<Record<string, number>>>>
