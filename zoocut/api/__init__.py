"""What `import zoocut` offers: one function for each thing that people do, the commands' and the notebooks' alike."""
