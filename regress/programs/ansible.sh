# ansible as it comes: the first task leaves a master by ControlPersist, which
# the others join; modules and files go up by sftp, and run on a terminal. Then
# its other ways: scp, and modules on stdin.
. "$lib"
need ansible-playbook
export LC_ALL=C.UTF-8
printf '%s ansible_python_interpreter=/usr/bin/python3\n' host1 host2 >hosts
cat >play.yml <<'END'
- hosts: all
  gather_facts: no
  tasks:
  - copy: src=data dest={{ dir }}/on-{{ inventory_hostname }}
  - shell: sha1sum <{{ dir }}/on-{{ inventory_hostname }}; echo to-stderr >&2; exit 5
    register: failed
    failed_when: failed.rc != 5 or not failed.stdout.startswith(sum) or not 'to-stderr' in failed.stdout + failed.stderr
- hosts: host1
  gather_facts: no
  tasks:
  - fetch: src={{ dir }}/on-host1 dest=fetched flat=yes
  - copy: src=data dest={{ dir }}/by-scp
    vars: { ansible_ssh_transfer_method: scp }
  - ping:
    vars: { ansible_pipelining: yes }
END
ansible-playbook -i hosts -e "dir=$dir sum=$(sha1sum <data | cut -c1-40)" play.yml >out 2>&1 || { cat out; fail "the playbook"; }
grep -q "^host1 .*ok=5 .*failed=0" out && grep -q "^host2 .*ok=2 .*failed=0" out || { cat out; fail "not all of it"; }
for f in on-host1 on-host2 fetched by-scp; do cmp data $f; done
[ "$(ls "$HOME/.ansible/cp" | wc -l)" = 2 ] || { ls -l "$HOME/.ansible/cp"; fail "not a master for each host"; }

# The next run joins them, and logs in no more.
logins() { grep -c 'Accepted publickey' sshd.log; }
before=$(logins)
ansible -i hosts all -m raw -a 'echo joined' >out 2>&1 || { cat out; fail "a raw command"; }
[ "$(grep -c '^joined' out)" = 2 ] || { cat out; fail "a raw command said something else"; }
[ "$(logins)" = "$before" ] || fail "logged in again"
