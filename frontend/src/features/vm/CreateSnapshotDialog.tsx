'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { CreateSnapshotDialogMutation } from '@/__generated__/CreateSnapshotDialogMutation.graphql'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Check, TextField } from '@/ui/fields'
import { useVerb } from './use-verb'
import type { Subject } from './VMActions'

type Props = { vm: Subject; running: boolean; agent: boolean; onClose: () => void }

export function CreateSnapshotDialog({ vm, running, agent, onClose }: Props) {
  const [name, setName] = useState(() => new Date().toISOString().slice(0, 16).replace('T', '-').replace(':', ''))
  const [description, setDescription] = useState('')
  const [memory, setMemory] = useState(running)
  const [external, setExternal] = useState(false)
  const [quiesce, setQuiesce] = useState(false)
  const { run, busy, fault } = useVerb<CreateSnapshotDialogMutation>(
    graphql`
      mutation CreateSnapshotDialogMutation($input: CreateSnapshotInput!) {
        createSnapshot(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Take a snapshot of ${vm.name}`,
    onClose,
  )
  const submit = () =>
    run({
      input: {
        vm: vm.id,
        name: name.trim(),
        description: description.trim() || undefined,
        memory: running && memory,
        external,
        quiesce,
      },
    })
  return (
    <Dialog open onClose={onClose} title={`Take a snapshot of ${vm.name}`}>
      <Form fault={fault} onSubmit={submit} label="Take a snapshot" className="contents">
        <DialogBody>
          <TextField
            label="Name"
            name="name"
            value={name}
            onChange={setName}
            hint="Letters, digits, - _ and ."
            autoComplete="off"
          />
          <TextField label="Description" name="description" value={description} onChange={setDescription} />
          <Check
            label="With memory"
            hint={
              running
                ? 'Restoring goes on where the guest is now. The VM stands still while memory is written.'
                : 'It does not run: there is no memory to keep.'
            }
            checked={running && memory}
            disabled={!running}
            onChange={setMemory}
          />
          <Check
            label="In files of its own"
            hint="Instead of inside the disks."
            checked={external}
            onChange={setExternal}
          />
          <Check
            label="Ask the guest to hold its writes"
            hint={
              agent ? 'File systems are then whole in the snapshot.' : 'Needs the guest agent, which does not answer.'
            }
            checked={quiesce}
            disabled={!agent || !running}
            onChange={setQuiesce}
          />
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>
            Take the snapshot
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
