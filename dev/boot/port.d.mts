export class PortError extends Error {
  constructor(port: number, cause: NodeJS.ErrnoException)
}
export function checkPort(port: number): Promise<void>
