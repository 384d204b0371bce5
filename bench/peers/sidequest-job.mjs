import { Job } from 'sidequest'

export class Nothing extends Job {
  async run() {
    return { done: true }
  }
}
