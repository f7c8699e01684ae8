"""One command that measures us against peers on the same photographs and machine; see README.md beside this file."""
