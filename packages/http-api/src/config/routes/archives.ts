import type { ImportOptions } from '@orrery/config-hub'
import { clientSignal } from '../../routes/context.ts'
import { query, textParameter } from '../../schemas/parameters.ts'
import { answer, bodyRefusals } from '../../schemas/responses.ts'
import { list, object, ref } from '../../schemas/schema.ts'
import { type FileFilters, fileFilters, flagParameter } from '../schemas/parameters.ts'
import { refusals } from '../schemas/responses.ts'
import { type ConfigRouteContext, writeOptionsOf } from './context.ts'
import { tagsOf } from './files.ts'

const tags = ['archives']

/** `/config/v1/export` and `/config/v1/import` */
export function addArchiveRoutes(context: ConfigRouteContext): void {
  void context.fastify.register((scope, _options, done) => {
    // Before a body is read: it may be long, and stands in memory.
    scope.addHook('onRequest', (_request, reply, next) => {
      context.archives.enter(reply.raw, 1)
      next()
    })
    addExport({ ...context, fastify: scope })
    addImport({ ...context, fastify: scope })
    done()
  })
}

function addExport({ fastify, hub, caller }: ConfigRouteContext): void {
  fastify.route<{ Querystring: FileFilters & { readonly decrypt?: boolean } }>({
    method: 'GET',
    url: '/config/v1/export',
    exposeHeadRoute: false,
    schema: {
      operationId: 'export',
      summary: 'Files as a zip archive: their drafts, or where there are none, releases.',
      tags,
      querystring: query({
        ...fileFilters,
        ...flagParameter(
          'decrypt',
          'Encrypted files are in it, as plain ones, if the caller may read them. Otherwise they are left out.',
        ),
      }),
      response: {
        200: {
          description: 'The archive.',
          content: { 'application/zip': { schema: { type: 'string', format: 'binary' } } },
        },
        ...refusals(403),
      },
    },
    handler: async (request, reply) => {
      const { tag, decrypt = false, ...filters } = request.query
      if (decrypt) await caller.requirePlain(request)
      const archive = await hub.archives.export(
        { ...filters, tags: tagsOf(tag) },
        { decrypt, signal: clientSignal(reply) },
      )
      return reply
        .type('application/zip')
        .header('content-disposition', 'attachment; filename="config.zip"')
        .header('cache-control', 'no-store')
        .send(Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength))
    },
  })
}

type ImportQuery = Pick<ImportOptions, 'namespace' | 'conflict'>

function addImport(context: ConfigRouteContext): void {
  const { fastify, hub, limits } = context
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(
    ['application/zip', 'application/octet-stream'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  )
  fastify.route<{ Querystring: ImportQuery; Body: unknown }>({
    method: 'POST',
    url: '/config/v1/import',
    bodyLimit: limits.archiveMaxBytes,
    schema: {
      operationId: 'import',
      summary: 'Saves the files of a zip archive as drafts.',
      tags,
      querystring: object(
        {
          namespace: textParameter('Into this namespace. Default: that of the archive.'),
          conflict: {
            type: 'string',
            enum: ['skip', 'overwrite', 'abort'],
            description:
              'Files that exist are left as they are, given the new content, or nothing is imported at all.',
          },
        },
        { optional: ['namespace'] },
      ),
      body: { content: { 'application/zip': { schema: {} }, 'application/octet-stream': { schema: {} } } },
      response: {
        200: answer(
          'What became of its files, in its order.',
          object({ files: list(ref('ConfigImportedFile')) }),
        ),
        ...refusals(412, ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      const { body } = request
      const options = writeOptionsOf(context, { request, reply }, {})
      return await hub.archives.import(Buffer.isBuffer(body) ? body : new Uint8Array(), {
        ...options,
        ...request.query,
      })
    },
  })
}
