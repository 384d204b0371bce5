// A sign-in in another tab leaves what was typed and dropped in this one. The issuer leads that tab back to the console, where it
// hands over the address with the answer: whoever has begun the sign-in ends it, so that no token goes from tab to tab. By a
// channel of this origin, and not by `opener`, which the page of an issuer may cut off (Cross-Origin-Opener-Policy).

const channelName = 'vision-sign-in'
/** How long a tab waits for another one to take its answer. */
const takeMs = 1_000

type Message = { readonly answer: string } | { readonly taken: string | null }

/** Waits for another tab to bring the answer to a sign-in. @returns the address that the issuer led it to */
export function answerFromOtherTab(state: string | null, signal: AbortSignal): Promise<URL> {
  const channel = new BroadcastChannel(channelName)
  signal.addEventListener('abort', () => channel.close())
  return new Promise((resolve) => {
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      const address = 'answer' in data ? URL.parse(data.answer) : null
      if (address === null || state === null || address.searchParams.get('state') !== state) return
      channel.postMessage({ taken: state } satisfies Message)
      channel.close()
      resolve(address)
    }
  })
}

/** Hands the answer of the issuer to the tab that has begun the sign-in. @returns whether there is one */
export async function handOver(answer: URL): Promise<boolean> {
  const state = answer.searchParams.get('state')
  const channel = new BroadcastChannel(channelName)
  const taken = new Promise<boolean>((resolve) => {
    channel.onmessage = ({ data }: MessageEvent<Message>) => 'taken' in data && data.taken === state && resolve(true)
    setTimeout(() => resolve(false), takeMs)
  })
  channel.postMessage({ answer: answer.href } satisfies Message)
  const isTaken = await taken
  channel.close()
  return isTaken
}
