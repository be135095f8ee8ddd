import type { DiffSides, FileKey } from '@orrery/config-hub'
import { clientSignal } from '../../routes/context.ts'
import { answer } from '../../schemas/responses.ts'
import { count, object, text } from '../../schemas/schema.ts'
import { type FileParams, fileParams, version } from '../schemas/parameters.ts'
import { refusals } from '../schemas/responses.ts'
import type { ConfigRouteContext } from './context.ts'
import { fileUrl } from './files.ts'

const difference = object({
  unified: text('In the unified format, with three lines around each change. Empty: nothing differs.'),
  added: count('Lines that only the second has.'),
  removed: count('Lines that only the first has.'),
})

/** `.../diff` */
export function addDiffRoute(context: ConfigRouteContext): void {
  const { fastify, hub, caller } = context
  fastify.route<{ Params: FileParams; Querystring: { readonly from: number; readonly to: string } }>({
    method: 'GET',
    url: `${fileUrl}/diff`,
    schema: {
      operationId: 'diff',
      summary: 'What differs between two versions, or between one and the draft.',
      tags: ['releases'],
      params: fileParams,
      querystring: object({
        from: version('The first version.'),
        to: {
          type: 'string',
          pattern: '^(?:draft|[1-9]\\d{0,14})$',
          description: 'The second version, or draft.',
        },
      }),
      response: { 200: answer('The difference.', difference), ...refusals(403, 404, 409) },
    },
    handler: async (request, reply) => {
      const { from, to } = request.query
      const sides: DiffSides = { from, to: to === 'draft' ? to : Number(to) }
      const signal = clientSignal(reply)
      const found = await hub.releases.diff(request.params, sides, { signal })
      // Afterwards: what was no secret by now was none that anybody had to keep.
      if (await isSecret(context, { key: request.params, sides }, signal)) await caller.requirePlain(request)
      return found
    },
  })
}

async function isSecret(
  { hub }: ConfigRouteContext,
  { key, sides }: { readonly key: FileKey; readonly sides: DiffSides },
  signal: AbortSignal,
): Promise<boolean> {
  const isSealed = async (version: number): Promise<boolean> => {
    return (await hub.releases.sealed(key, version, { signal })).info.encrypted
  }
  if (await isSealed(sides.from)) return true
  if (sides.to !== 'draft') return await isSealed(sides.to)
  // A draft that has gone meanwhile has become a release, or nothing: either can be asked for again.
  const draft = await hub.files.draft(key, { signal })
  return draft === undefined || draft.encrypted
}
