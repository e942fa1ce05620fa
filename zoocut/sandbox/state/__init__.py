"""What one sandbox holds, on disk, and the jobs that change it later."""
