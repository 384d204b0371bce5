import { type Database, type DatabaseOptions, openDatabase } from '../../../core/database/client.ts'

/** Pools of connections, one for each of so many workers. */
export function openPools(url: string, count: number, options: Partial<DatabaseOptions> = {}): Database[] {
  return Array.from({ length: count }, () => openDatabase(url, { connections: 1, random: Math.random, ...options }))
}

export async function closePools(pools: readonly Database[]): Promise<void> {
  await Promise.all(pools.map((pool) => pool.close()))
}
