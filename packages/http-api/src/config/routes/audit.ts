import type { AuditQuery } from '@orrery/config-hub'
import { auditActions } from '@orrery/config-hub'
import { clientSignal } from '../../routes/context.ts'
import { query, textParameter } from '../../schemas/parameters.ts'
import { answer } from '../../schemas/responses.ts'
import type { Schema } from '../../schemas/schema.ts'
import { ref } from '../../schemas/schema.ts'
import { slice } from '../schemas/parameters.ts'
import { refusals, sliceOf } from '../schemas/responses.ts'
import type { ConfigRouteContext } from './context.ts'

type AuditParameters = Omit<AuditQuery, 'actions' | 'signal'> & { readonly action?: AuditQuery['actions'] }

const time = (description: string): Schema => ({
  type: 'integer',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: `${description} Unit: ms since 1970.`,
})

/** `/config/v1/audit` */
export function addAuditRoute({ fastify, hub }: ConfigRouteContext): void {
  fastify.route<{ Querystring: AuditParameters }>({
    method: 'GET',
    url: '/config/v1/audit',
    schema: {
      operationId: 'listAudit',
      summary: 'Who wrote what, when, and why, the newest first.',
      tags: ['audit'],
      querystring: query({
        namespace: textParameter('Of this namespace.'),
        group: textParameter('With namespace: of this group.'),
        file: textParameter('With group: of this file. Empty: of the group itself.'),
        fromMs: time('Not before.'),
        toMs: time('Before.'),
        action: {
          type: 'array',
          items: { type: 'string', enum: [...auditActions] },
          maxItems: auditActions.length,
          description: 'Only this. Repeated: any of them.',
        },
        actor: textParameter('Only what he did.'),
        ...slice,
      }),
      response: { 200: answer('A part of the trail.', sliceOf(ref('ConfigAuditEntry'))), ...refusals() },
    },
    handler: ({ query: { action, ...rest } }, reply) =>
      hub.audit.list({ ...rest, actions: action, signal: clientSignal(reply) }),
  })
}
