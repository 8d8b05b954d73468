// The port of a maildir: a folder into whose `new` others put whole files, each under a name of its own, by renaming them.

export interface JobDirectory {
  /** The names in `new`, in an order that does not change. Makes the folders that are missing. */
  list(): Promise<readonly string[]>;
  /** What a file in `new` holds; null when it is gone. */
  read(name: string): Promise<Uint8Array | null>;
  /** Moves a file from `new` to `cur`, or to `bad`; harmless when it is gone. */
  move(name: string, to: 'cur' | 'bad'): Promise<void>;
}

/** Opens the job directory at a path; the path is the host's business. */
export type OpenJobDirectory = (path: string) => JobDirectory;
