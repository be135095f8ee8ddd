/** A JSON Schema, as Fastify and OpenAPI 3.1 understand it both. */
export type Schema = Readonly<Record<string, unknown>>

/** One schema for each field of a type, so that a field that is added there does not compile until it is here. */
export type SchemasOf<Model> = { readonly [Field in keyof Model]-?: Schema }

/** Any text. */
export const text = (description: string): Schema => ({ type: 'string', description })
/** True or false. */
export const flag = (description: string): Schema => ({ type: 'boolean', description })
/** How many. */
export const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
/** A list of texts. */
export const texts = (description: string): Schema => ({
  type: 'array',
  items: { type: 'string' },
  description,
})
/** A list of whatever. */
export const list = (items: Schema, description = ''): Schema => ({
  type: 'array',
  items,
  ...(description === '' ? {} : { description }),
})

/** A revision of the store. */
export const revision = (description: string): Schema => ({
  type: 'integer',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description,
})

/** Texts by name. */
export const metadata: Schema = {
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Labels, or what else a user attaches.',
}

/** An object that has these fields and no others. */
export function object(properties: Readonly<Record<string, Schema>>, options: ObjectOptions = {}): Schema {
  const { optional, ...rest } = options
  const required = Object.keys(properties).filter(
    (name) => optional !== 'all' && optional?.includes(name) !== true,
  )
  return {
    type: 'object',
    ...rest,
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  }
}

interface ObjectOptions {
  readonly $id?: string
  readonly description?: string
  /** Fields that may be absent. */
  readonly optional?: readonly string[] | 'all'
}

/** Refers to a schema of ours by its name. */
export function ref($id: string): Schema {
  return { $ref: `${$id}#` }
}
