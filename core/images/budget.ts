/** One image's share of the budget. */
export interface Share {
  /** Waits until this image may hold this many bytes in total. @throws the signal's reason, if it is aborted while waiting */
  growTo(bytes: number, signal: AbortSignal): Promise<void>
  /** Lowers the most bytes that it may hold, and releases the rest. */
  limitTo(bytes: number): void
  /** Releases all of it; idempotent. */
  release(): void
}

/** A memory budget that arriving images share. */
export interface ByteBudget {
  /** An empty share. @param most the most bytes that it may need */
  open(userId: string, most: number): Share
}

interface Account {
  readonly userId: string
  held: number
  most: number
}

interface Waiter {
  readonly account: Account
  readonly bytes: number
  readonly start: () => void
}

/**
 * Prevents deadlocks between images that each hold memory and wait for more (the banker's algorithm): memory is granted
 * only while all holders could still finish one after another, each with what the ones before it release. A server that
 * sends one byte a second thus only holds what has arrived, not all that it announced.
 *
 * Images that hold memory come before new ones, and new ones in order of arrival: otherwise a large one could wait forever
 * behind small ones. An image that waits only for its own user's share delays no other user.
 *
 * @param total in bytes; an image that needs more takes all of it
 * @param perUser the largest share of one user's images together
 */
export function createByteBudget(total: number, perUser = total): ByteBudget {
  const cap = Math.min(total, perUser)
  const open = new Set<Account>()
  const waiting: Waiter[] = []

  /** Whether all holders can finish in some order. */
  const canFinish = (accounts: readonly Account[], room: number): boolean => {
    let free = room - sum(accounts)
    const freeOf = new Map<string, number>()
    for (const { userId, held } of accounts) freeOf.set(userId, (freeOf.get(userId) ?? cap) - held)
    if (free < 0 || [...freeOf.values()].some((left) => left < 0)) return false
    const left = new Set(accounts)
    for (let before = -1; before !== left.size; ) {
      before = left.size
      for (const account of left) {
        const ofUser = freeOf.get(account.userId) ?? 0
        if (account.most - account.held > Math.min(free, ofUser)) continue
        left.delete(account)
        free += account.held
        freeOf.set(account.userId, ofUser + account.held)
      }
    }
    return left.size === 0
  }

  /** Why a waiter waits: not at all, for its user's share, or for the budget. */
  const obstacle = ({ account, bytes }: Waiter): undefined | 'user' | 'budget' => {
    let whole = 0
    for (const one of open) if (one === account || one.held > 0) whole += one.most
    // The usual case, which needs no order: there is room for all that they may ever hold.
    if (whole <= cap) return undefined
    const after = [...open]
      .filter((one) => one !== account && one.held > 0)
      .concat({ ...account, held: Math.max(account.held, bytes) })
    const own = after.filter(({ userId }) => userId === account.userId)
    if (cap < total && !canFinish(own, Number.POSITIVE_INFINITY)) return 'user'
    return canFinish(after, total) ? undefined : 'budget'
  }

  const nextToServe = (): Waiter | undefined => {
    for (const isNew of [false, true]) {
      for (const waiter of waiting.filter(({ account }) => (account.held === 0) === isNew)) {
        const why = obstacle(waiter)
        if (why === undefined) return waiter
        if (why === 'budget' && isNew) return undefined
      }
      // New ones would take the memory that started ones wait for.
      if (!isNew && waiting.some((waiter) => waiter.account.held > 0 && obstacle(waiter) === 'budget')) return undefined
    }
    return undefined
  }

  const serve = () => {
    for (let next = nextToServe(); next; next = nextToServe()) {
      waiting.splice(waiting.indexOf(next), 1)
      next.account.held = Math.max(next.account.held, next.bytes)
      next.start()
    }
  }

  return {
    open: (userId, most) => {
      const account: Account = { userId, held: 0, most: Math.min(most, cap) }
      open.add(account)
      return {
        growTo: (bytes, signal) => grow(account, Math.min(bytes, account.most), signal),
        limitTo: (bytes) => {
          account.most = Math.min(account.most, bytes)
          account.held = Math.min(account.held, bytes)
          serve()
        },
        release: () => {
          open.delete(account)
          account.held = 0
          serve()
        },
      }
    },
  }

  async function grow(account: Account, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = () => {
      waiting.splice(waiting.indexOf(waiter), 1)
      reject(signal.reason)
      serve()
    }
    const waiter: Waiter = {
      account,
      bytes,
      start: () => {
        signal.removeEventListener('abort', abort)
        resolve()
      },
    }
    signal.addEventListener('abort', abort, { once: true })
    waiting.push(waiter)
    serve()
    return promise
  }
}

function sum(accounts: readonly Account[]): number {
  return accounts.reduce((bytes, { held }) => bytes + held, 0)
}
