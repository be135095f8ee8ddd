import ajvCompiler from '@fastify/ajv-compiler'
import { expect, test } from 'vitest'
import { type ConfigApi, file, fileAt, group, type Method, startConfigApi, testKeys } from './support.ts'

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly required: boolean; readonly content: Json }
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Record<string, { readonly schema: Json }> }
    >
  >
}

interface Document {
  readonly openapi: string
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

async function documentOf(api: ConfigApi): Promise<Document> {
  return (await api.call('GET', '/config/openapi.json')).json as Document
}

/** Every part of a document. */
function* partsOf(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Json
  for (const part of Object.values(value)) yield* partsOf(part)
}

function operationsOf({ paths }: Document): readonly (readonly [string, Operation])[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  )
}

test('the document has every route, each with its parameters, answers and refusals', async () => {
  const routes: string[] = []
  await using api = await startConfigApi({
    host: (app) => {
      app.addHook('onRoute', ({ method, url }) => {
        if (method !== 'HEAD' && url !== '/config/openapi.json') {
          routes.push(`${String(method)} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
        }
      })
    },
  })
  const document = await documentOf(api)
  const operations = operationsOf(document)
  expect(operations.map(([name]) => name).sort()).toEqual(routes.sort())
  expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length)
  const tags = document.tags.map(({ name }) => name)
  for (const [name, operation] of operations) {
    expect(operation.summary, name).toMatch(/\.$/)
    expect(tags, name).toContain(operation.tags[0])
    const inPath = Array.from(name.matchAll(/\{(\w+)\}/g), ([, parameter]) => parameter)
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    expect(
      declared.map((parameter) => parameter.name),
      name,
    ).toEqual(inPath)
    if (!name.endsWith('/health')) {
      expect(Object.keys(operation.responses), name).toEqual(expect.arrayContaining(['400', '500', '503']))
    }
    for (const [status, { description }] of Object.entries(operation.responses)) {
      expect(description, `${name} ${status}`).not.toBe('Default Response')
    }
  }
})

test('the document refers to nothing that it does not have, and has nothing to which it does not refer', async () => {
  await using api = await startConfigApi()
  const document = await documentOf(api)
  const referred = new Set<string>()
  for (const { $ref } of partsOf(document)) {
    if (typeof $ref !== 'string') continue
    const [, name = ''] = /^#\/components\/schemas\/(\w+)$/.exec($ref) ?? []
    expect(Object.keys(document.components.schemas)).toContain(name)
    referred.add(name)
  }
  expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort())
  expect(JSON.stringify(document)).not.toMatch(/"\$id"|x-optional-body/)
})

const spare = fileAt('folder/spare.json')
const target = { namespace: 'default', group: 'shop', file: 'app.yaml' }
const rule = {
  labels: [{ label: 'env', type: 'exact', value: 'gray' }],
  addresses: ['10.0.0.0/8'],
  percent: 5,
}
const client = { labels: { env: 'gray' } }
const raw = { 'content-type': 'text/plain' }
const zip = { 'content-type': 'application/zip' }

/** One request to every route, and to those with several answers several. */
const requests: readonly (readonly [
  status: number,
  method: Method,
  url: string,
  body?: unknown,
  headers?: Record<string, string>,
])[] = [
  [201, 'PUT', group, { comment: 'x', metadata: { a: 'b' }, reason: 'because' }],
  [409, 'PUT', group],
  [200, 'PATCH', group, { business: 'y' }],
  [412, 'PATCH', `${group}?ifRevision=1`, { business: 'z' }],
  [200, 'GET', group],
  [200, 'GET', '/config/v1/namespaces'],
  [200, 'GET', '/config/v1/groups'],
  [200, 'PUT', file, { content: 'a: 1\n', tags: { tier: 'web' }, reason: 'because' }],
  [200, 'PUT', `${file}/content`, 'a: 2\n', raw],
  [200, 'GET', `${file}/content`],
  [200, 'GET', `${file}/draft`],
  [200, 'GET', file],
  [200, 'GET', '/config/v1/files?tag=tier:web'],
  [201, 'POST', `${file}/publish`, { name: 'first', releaseComment: 'c' }],
  [409, 'POST', `${file}/publish`],
  [400, 'POST', `${file}/publish`, { content: 'a: [' }],
  [201, 'POST', `${file}/publish`, { content: 'a: 3\n' }],
  [201, 'POST', `${file}/releases/1/rollback`, { reason: 'worse' }],
  [404, 'POST', `${file}/releases/77/rollback`],
  [200, 'GET', `${file}/releases?limit=2`],
  [200, 'GET', `${file}/releases/1`],
  [404, 'GET', `${file}/releases/99`],
  [200, 'GET', `${file}/diff?from=1&to=2`],
  [200, 'GET', `${file}/diff?from=1&to=draft`],
  [201, 'POST', `${file}/gray`, { content: 'a: 4\n', rule }],
  [409, 'POST', `${file}/gray`, { content: 'a: 4\n', rule }],
  [200, 'GET', file],
  [200, 'PATCH', `${file}/gray`, { rule: { percent: 100 } }],
  [409, 'POST', `${file}/withdraw`],
  [200, 'POST', `${file}/gray/promote`],
  [404, 'POST', `${file}/gray/promote`],
  [201, 'POST', `${file}/gray`, { content: 'a: 5\n', rule: { labels: rule.labels } }],
  [200, 'POST', '/config/v1/poll', { targets: [target], client }],
  [200, 'DELETE', `${file}/gray`],
  [200, 'GET', `${file}/active?label=env:gray&clientId=c`],
  [200, 'GET', `${file}/active?linearizable`],
  [404, 'GET', `${spare}/active`],
  [200, 'POST', '/config/v1/poll', { targets: [target] }],
  [
    200,
    'POST',
    '/config/v1/poll',
    { targets: [target], known: [{ ...target, version: 9_999 }], timeoutMs: 0 },
  ],
  [400, 'POST', '/config/v1/poll', { targets: [] }],
  [200, 'PUT', spare, { content: '{}', encrypted: true }],
  [403, 'GET', `${spare}/draft`],
  [201, 'POST', `${spare}/publish`],
  [200, 'GET', `${spare}/active`],
  [200, 'GET', `${spare}/releases/1`],
  [200, 'POST', `${spare}/data-key/rotate`, { reason: 'lost' }],
  [400, 'POST', `${file}/data-key/rotate`],
  [200, 'POST', '/config/v1/data-keys/rewrap'],
  [200, 'POST', `${spare}/withdraw`, { reason: 'x' }],
  [200, 'PUT', spare, { content: '{}' }],
  [200, 'DELETE', `${spare}/draft`],
  [200, 'PUT', '/config/v1/templates/a%2Fb', { content: 'x', format: 'toml' }],
  [200, 'GET', '/config/v1/templates'],
  [200, 'GET', '/config/v1/templates/a%2Fb'],
  [204, 'DELETE', '/config/v1/templates/a%2Fb'],
  [404, 'DELETE', '/config/v1/templates/a%2Fb'],
  [200, 'GET', '/config/v1/export?namespace=default'],
  [403, 'GET', '/config/v1/export?decrypt'],
  [400, 'POST', '/config/v1/import?conflict=skip', Buffer.from('PK'), zip],
  [200, 'GET', '/config/v1/audit?action=published&action=rolledBack'],
  [200, 'GET', '/config/v1/stats'],
  [409, 'DELETE', group],
  [204, 'DELETE', file],
  [404, 'DELETE', file],
  [200, 'GET', '/config/health'],
  [200, 'GET', '/config/metrics'],
]

test('real answers are what the document says', async () => {
  await using api = await startConfigApi({ keys: testKeys() })
  const document = await documentOf(api)
  const compile = ajvCompiler()(
    {},
    { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } },
  )
  const untouched = new Set(operationsOf(document).map(([name]) => name))
  // Streams have tests of their own.
  untouched.delete('GET /config/v1/namespaces/{namespace}/groups/{group}/watch')
  untouched.delete('POST /config/v1/watch')
  for (const [status, method, url, body, headers] of requests) {
    const name = nameOf(document, method, url)
    const answer = await api.call(method, url, body, headers)
    expect(answer.status, `${name} ${answer.text}`).toBe(status)
    untouched.delete(name)
    const operation = document.paths[name.slice(method.length + 1)]?.[method.toLowerCase()]
    const described = operation?.responses[String(answer.status)]
    expect(described, `${name} ${answer.status} ${answer.text}`).toBeDefined()
    if (described?.content === undefined) {
      expect(answer.text).toBe('')
      continue
    }
    const [type = ''] = String(answer.headers['content-type']).split(';')
    const schema = described.content[type]?.schema
    expect(schema, `${name} ${answer.status} ${type}`).toBeDefined()
    if (type !== 'application/json') continue
    const validate = compile({ schema: { ...schema, components: document.components } })
    expect([validate(answer.json), validate.errors], `${name} ${answer.text}`).toEqual([true, null])
  }
  expect([...untouched]).toEqual([])
  expect(api.environment.logger.lines).toEqual([])
})

/** The route of a URL, as the document calls it. */
function nameOf(document: Document, method: Method, url: string): string {
  const [path = ''] = url.split('?')
  const fits = (template: string): boolean =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path) &&
    document.paths[template]?.[method.toLowerCase()] !== undefined
  const [template = 'none'] = Object.keys(document.paths).filter(fits)
  return `${method} ${template}`
}
