import { type Client, connectivityState } from '@grpc/grpc-js'

/** Resolves once the client has left its connection, perhaps with calls that go on there. */
export async function disconnected(client: Client): Promise<void> {
  const channel = client.getChannel()
  const state = channel.getConnectivityState(false)
  if (state !== connectivityState.READY) return
  await new Promise<void>((resolve) => {
    channel.watchConnectivityState(state, Infinity, () => {
      resolve()
    })
  })
}
