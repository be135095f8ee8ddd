import ajvCompiler from '@fastify/ajv-compiler'
import fastifySwagger from '@fastify/swagger'
import { describe, expect, test } from 'vitest'
import { type Api, type Method, registerShop, shop, startApi } from './support.ts'

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[]
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
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

const connectionLimits = {
  stats: () => ({ total: 1, hosts: 1, refused: { perHost: 0 } }),
  connections: () => [{ listener: 'main', host: 'h', remoteAddress: undefined, openedMs: 1 }],
  closeHost: () => 1,
}

async function documentOf(api: Api): Promise<Document> {
  return (await api.call('GET', '/openapi.json')).json as Document
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

describe('the document', () => {
  test('has every route, each with its parameters, answers and refusals', async () => {
    const routes: string[] = []
    await using api = await startApi({
      options: { connectionLimits },
      host: (app) => {
        app.addHook('onRoute', ({ method, url }) => {
          if (method !== 'HEAD' && url !== '/openapi.json') {
            routes.push(`${String(method)} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
          }
        })
      },
    })
    const document = await documentOf(api)
    expect(document.openapi).toBe('3.1.0')
    const operations = operationsOf(document)
    expect(operations.map(([name]) => name).sort()).toEqual(routes.sort())
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length)
    for (const [name, operation] of operations) {
      expect(operation.summary, name).toMatch(/\.$/)
      expect(operation.tags, name).toHaveLength(1)
      const inPath = Array.from(name.matchAll(/\{(\w+)\}/g), ([, parameter]) => parameter)
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
      expect(
        declared.map((parameter) => parameter.name),
        name,
      ).toEqual(inPath)
      const statuses = Object.keys(operation.responses)
      expect(
        statuses.some((status) => status.startsWith('2')),
        name,
      ).toBe(true)
      if (!name.endsWith(' /health'))
        expect(statuses, name).toEqual(expect.arrayContaining(['400', '500', '503']))
      for (const [status, { description }] of Object.entries(operation.responses)) {
        expect(description, `${name} ${status}`).not.toBe('Default Response')
      }
    }
  })

  test('refers to nothing that it does not have, and has nothing to which it does not refer', async () => {
    await using api = await startApi({ options: { connectionLimits } })
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

  test('tells which bodies may be left out', async () => {
    await using api = await startApi()
    const { paths } = await documentOf(api)
    expect(paths['/v1/namespaces/{namespace}']?.['put']?.requestBody?.required).toBe(false)
    expect(paths['/v1/namespaces/{namespace}']?.['patch']?.requestBody?.required).toBe(true)
  })

  test('is about this plugin alone, and leaves that of the host alone', async () => {
    await using api = await startApi({
      host: async (app) => {
        app.addSchema({ $id: 'Instance', type: 'object', properties: { mine: { type: 'string' } } })
        await app.register(fastifySwagger, { openapi: { info: { title: 'host', version: '7' } } })
        app.get('/mine', { schema: { response: { 200: { $ref: 'Instance#' } } } }, () => ({}))
      },
    })
    const ours = await documentOf(api)
    expect(Object.keys(ours.paths)).not.toContain('/mine')
    expect(Object.keys(ours.components.schemas).every((name) => name.startsWith('Registry'))).toBe(true)
    const theirs = api.app.swagger()
    expect(theirs.info).toEqual({ title: 'host', version: '7' })
    expect(Object.keys(theirs.paths ?? {})).toContain('/mine')
  })

  test('has paths as the host mounts them', async () => {
    await using api = await startApi({ prefix: '/registry' })
    const { paths } = (await api.call('GET', '/registry/openapi.json')).json as Document
    expect(Object.keys(paths)).toContain('/registry/v1/instances')
    expect(Object.keys(paths).every((path) => path.startsWith('/registry/'))).toBe(true)
  })
})

/** One request to every route, and to those with several answers several. */
const requests: readonly (readonly [method: Method, url: string, body?: unknown])[] = [
  ['PUT', '/v1/namespaces/blue', { comment: 'x', metadata: { a: 'b' }, exportTo: ['*'] }],
  ['PUT', '/v1/namespaces/blue'],
  ['GET', '/v1/namespaces'],
  ['GET', '/v1/namespaces/blue'],
  ['GET', '/v1/namespaces/red'],
  ['PATCH', '/v1/namespaces/blue', { comment: 'y' }],
  ['PATCH', '/v1/namespaces/blue?ifRevision=1', { comment: 'z' }],
  ['DELETE', '/v1/namespaces/blue'],
  ['PUT', '/v1/namespaces/default/services/store', { aliasOf: { namespace: 'default', service: 'shop' } }],
  ['PUT', '/v1/namespaces/default/services/plain'],
  ['GET', '/v1/services'],
  ['GET', '/v1/namespaces/default/services/store'],
  ['PATCH', shop, { protectThreshold: 0.3, ports: '80' }],
  ['GET', shop],
  ['DELETE', shop],
  ['DELETE', '/v1/namespaces/default/services/plain?withInstances'],
  [
    'POST',
    `${shop}/instances`,
    { id: 'n', host: 'h', port: 1, ttlMs: 1_000, extensions: { x: [null, { y: 1 }] } },
  ],
  ['POST', `${shop}/instances`, { id: 'n', host: 'h', port: 1 }],
  ['POST', `${shop}/instances`, { id: 'n', host: 'h', port: '1' }],
  ['GET', '/v1/instances'],
  ['GET', '/v1/instances?nothing=x'],
  ['GET', `${shop}/instances/n`],
  ['PATCH', `${shop}/instances/n`, { healthy: false, evictAfterMs: null }],
  ['PUT', `${shop}/instances/n/heartbeat`],
  ['PUT', `${shop}/instances/x/heartbeat`],
  ['POST', '/v1/heartbeats', { keys: [{ namespace: 'default', service: 'shop', id: 'x' }] }],
  [
    'POST',
    '/v1/heartbeats/forwarded',
    { from: 'm', life: 'l', sequence: 1, ringRevision: 1, beats: ['a/b/c'], isLast: false },
  ],
  ['GET', `${shop}/discover`],
  ['GET', `${shop}/discover?linearizable`],
  ['GET', '/v1/namespaces/default/services/none/discover'],
  ['DELETE', `${shop}/instances/n`],
  ['GET', '/v1/changes?since=0'],
  ['GET', '/v1/events'],
  ['GET', '/v1/stats'],
  ['GET', '/v1/checkers'],
  ['GET', '/v1/protection'],
  ['GET', '/v1/protection?namespace=default&service=shop'],
  ['GET', '/v1/connections'],
  ['DELETE', '/v1/connections/h'],
  ['GET', '/health'],
  ['GET', '/metrics'],
]

test('real answers are what the document says', async () => {
  await using api = await startApi({ options: { connectionLimits } })
  await registerShop(api, 'a')
  const document = await documentOf(api)
  const compile = ajvCompiler()(
    {},
    { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } },
  )
  const untouched = new Set(operationsOf(document).map(([name]) => name))
  untouched.delete('GET /v1/namespaces/{namespace}/services/{service}/subscribe')
  for (const [method, url, body] of requests) {
    const name = nameOf(document, method, url)
    const answer = await api.call(method, url, body)
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
